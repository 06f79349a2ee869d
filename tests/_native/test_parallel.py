"""`parallel_run` and teams: every task runs once, whatever the threads; also after a fork."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import wave_network._native

NATIVE = Path(wave_network._native.__file__).parent
COMPILER = shutil.which("cc")


@pytest.mark.skipif(COMPILER is None or os.name != "posix", reason="needs a C compiler and fork")
def test_every_task_runs_once(tmp_path):
    program = tmp_path / "parallel"
    sources = [Path(__file__).with_name("parallel.c"), NATIVE / "parallel.c"]
    subprocess.run(
        [COMPILER, "-O1", "-pthread", f"-I{NATIVE}", *sources, "-o", program], check=True
    )
    result = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "")
