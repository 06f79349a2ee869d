"""Ctrl-C: what was learnt is kept, stderr says so in one line, and the exit code is 130."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wave_network import load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")

# A test runner in the background passes on that SIGINT is ignored; a terminal does not.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from wave_network.cli import main
main()
"""


def start(folder, *arguments):
    temporary = folder / "tmp"
    temporary.mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def write_end(fifo, process):
    """Open a pipe for writing once the process has opened it for reading."""
    while process.poll() is None:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.01)
    raise AssertionError(process.communicate())


def left_behind(folder):
    return [path.name for path in (folder / "tmp").iterdir() if "wave" in path.name]


def test_after_an_epoch_the_best_model_so_far_is_kept(few, tmp_path):
    arguments = ("train", few, "--preset", "tiny", "--epochs", 100_000, "--json")
    with start(tmp_path, *arguments) as process:
        assert process.stderr.readline().startswith("epoch 1/100000  ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.count("\n") == 1
    whole, interrupted = (line for line in err.splitlines() if not line.startswith("epoch "))
    assert whole.startswith("with the linear part  validation accuracy ")
    assert interrupted.startswith("interrupted: the best model so far (epoch ")
    assert interrupted.endswith(") is kept in wave-model")
    model = load(tmp_path / "wave-model")
    assert model.labels == ("animal", "colour")
    assert sum(model.predict(["cat"])[0].scores.values()) == pytest.approx(1)
    assert not left_behind(tmp_path)


def test_while_the_data_is_read_nothing_is_written(tmp_path):
    # Reading waits for what never comes, so the signal finds the process in the middle of it.
    fifo = tmp_path / "slow.csv"
    os.mkfifo(fifo)
    with start(tmp_path, "train", fifo) as process:
        stream = write_end(fifo, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        os.close(stream)
    assert (process.returncode, out, err) == (130, "", "wave-network: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slow.csv", "tmp"]
    assert not left_behind(tmp_path)


def test_predicting_ends_at_once(tiny_model, tmp_path):
    arguments = ("predict", tiny_model, "--input", "-", "--output", "out.jsonl")
    with start(tmp_path, *arguments) as process:
        while not list(tmp_path.glob(".out.jsonl.*")):  # it writes, so it reads
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "wave-network: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]


@pytest.fixture
def interrupt_at(monkeypatch):
    """Send this process SIGINT at a moment of which training tells its progress bar."""
    from wave_network.training.progress import TrainingBar

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)

    def arrange(moment):
        monkeypatch.setattr(TrainingBar, moment, lambda *_: signal.raise_signal(signal.SIGINT))

    yield arrange
    signal.signal(signal.SIGINT, previous)


@pytest.mark.parametrize("moment", ["stage", "start"])
def test_before_the_first_step_there_is_nothing_to_keep(
    invoke, few, tmp_path, interrupt_at, moment
):
    interrupt_at(moment)
    ended = invoke("train", few, "--preset", "tiny", "--json")
    assert ended == (130, "", "wave-network: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


def test_in_the_first_epoch_the_unfinished_model_is_kept(invoke, few, tmp_path, interrupt_at):
    interrupt_at("step")
    ended = invoke("train", few, "--preset", "tiny", "--json")
    assert ended.code == 130
    assert len(ended.lines) == 1
    told = "interrupted: the unfinished first epoch is kept in wave-model"
    assert ended.err.splitlines()[-1] == told
    assert load(tmp_path / "wave-model").labels == ("animal", "colour")


def test_an_existing_model_is_replaced_only_by_one_that_was_trained(
    invoke, few, tmp_path, interrupt_at
):
    assert invoke("train", few, "--preset", "tiny", "--epochs", 1).code == 0
    before = Path("wave-model/model.safetensors").read_bytes()
    interrupt_at("start")
    assert invoke("train", few, "--preset", "tiny", "--overwrite").code == 130
    assert Path("wave-model/model.safetensors").read_bytes() == before
