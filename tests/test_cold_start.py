import subprocess
import sys
import time
from pathlib import Path

COMMAND = Path(sys.executable).with_name("wave-network")


def test_one_text_from_a_cold_start_takes_less_than_two_seconds(sample_model):
    arguments = [COMMAND, "predict", sample_model, "Oil prices jump as OPEC cuts output"]
    times = []
    for _ in range(5):  # the machine may be busy; the benchmarks measure it properly
        started = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True, timeout=60)
        times.append(time.perf_counter() - started)
        if times[-1] < 2.0:
            return
    raise AssertionError(f"the quickest of five starts took {min(times):.1f} s")
