"""Training, predicting, quantising and exporting give the same bits as when they were recorded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "dev" / "digests.py"
RECORD = json.loads((Path(__file__).parent / "digests.json").read_text(encoding="utf-8"))


def printed(*arguments):
    # A process of its own, with the threads that a user's has: their number changes the last bits.
    free = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    call = [sys.executable, str(SCRIPT), *arguments]
    return json.loads(subprocess.run(call, check=True, capture_output=True, env=free).stdout)


def test_the_recorded_bits():
    here = printed("--environment")
    if other := [name for name, value in RECORD["environment"].items() if here[name] != value]:
        pytest.skip(f"recorded with other {', '.join(other)}: compare commits by dev/digests.py")
    names = dict.fromkeys(name.partition(":")[0] for name in RECORD["digests"])
    assert printed(*names) == RECORD["digests"]
