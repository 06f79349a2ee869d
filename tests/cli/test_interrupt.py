"""Ctrl-C and requests to end: what was learnt is kept, and stderr says so in one line.

The exit code is 128 and the number of the signal.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wave_network import load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")

# A test runner in the background, or under nohup, passes on that signals are ignored.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from wave_network.cli import main
main()
"""


# Says when the first rows are read.
READING = (
    """
from wave_network.data.texts import TextWriter
def append(self, texts, append=TextWriter.append):
    TextWriter.append = append
    print("reading", flush=True)
    append(self, texts)
TextWriter.append = append
"""
    + PROGRAM
)


def start(folder, *arguments, program=PROGRAM):
    temporary = folder / "tmp"
    temporary.mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def left_behind(folder):
    return [path.name for path in (folder / "tmp").iterdir() if "wave" in path.name]


SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
ENDLESS = ("--preset", "tiny", "--epochs", 100_000, "--validation", "few.csv")


@pytest.mark.parametrize("name", SIGNALS)
def test_after_an_epoch_the_best_model_so_far_is_kept(few, tmp_path, name):
    with start(tmp_path, "train", few, *ENDLESS, "--json") as process:
        assert any(line.startswith("epoch 1/100000  ") for line in process.stderr)
        process.send_signal(getattr(signal, name))
        if name != "SIGINT":  # whoever stops a service, and a closing terminal, send several
            time.sleep(0.05)
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == SIGNALS[name]
    assert out.count("\n") == 1
    whole, interrupted = (line for line in err.splitlines() if not line.startswith("epoch "))
    assert whole.startswith("with the linear part  validation accuracy ")
    assert interrupted.startswith("interrupted: the best model so far (epoch ")
    assert interrupted.endswith(") is kept in wave-model")
    model = load(tmp_path / "wave-model")
    assert model.labels == ("animal", "colour")
    assert sum(model.predict(["cat"])[0].scores.values()) == pytest.approx(1)
    assert not left_behind(tmp_path)


def test_what_nohup_ignores_stays_ignored(few, tmp_path):
    program = PROGRAM.replace("from", "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nfrom")
    with start(tmp_path, "train", few, *ENDLESS, program=program) as process:
        assert any(line.startswith("epoch 1/100000  ") for line in process.stderr)
        process.send_signal(signal.SIGHUP)
        assert process.stderr.readline().startswith("epoch 2/100000  ")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143


@pytest.mark.parametrize("how", ["its reader went away", "it was never open"])
def test_training_goes_on_when_nobody_reads_its_progress(few, tmp_path, how):
    program = PROGRAM
    if how == "it was never open":
        program = "import os, sys; os.close(2); sys.stderr = None\n" + PROGRAM
    arguments = ("train", few, "--preset", "tiny", "--epochs", 30, "--json")
    with start(tmp_path, *arguments, program=program) as process:
        process.stderr.close()
        out = process.stdout.read()
    assert process.returncode == 0
    assert out.count("\n") == 1
    assert load(tmp_path / "wave-model").labels == ("animal", "colour")


def test_a_note_that_nobody_reads_ends_nothing(tiny_model, few, tmp_path):
    with start(tmp_path, "evaluate", tiny_model, few, "--json") as process:
        process.stderr.close()
        out = process.stdout.read()
    assert process.returncode == 0
    assert out.startswith("{")


def test_while_the_test_texts_are_answered_the_model_is_kept(invoke, few, tmp_path, monkeypatch):
    from wave_network.training import run

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Engine, "predict_proba", interrupted)
    ended = invoke("train", few, "--preset", "tiny", "--epochs", 2, "--test", few, "--json")
    assert ended.code == 130
    assert ended.lines[0]["test"] is None
    assert (tmp_path / "wave-model" / "model.safetensors").is_file()


def test_a_model_whose_place_was_taken_meanwhile_is_kept_beside(invoke, few, tmp_path, monkeypatch):
    from wave_network.training.progress import TrainingBar

    def start_another(self, *_):
        (tmp_path / "wave-model").mkdir(exist_ok=True)
        (tmp_path / "wave-model" / "thesis.txt").write_text("the only copy")

    monkeypatch.setattr(TrainingBar, "start", start_another)
    ended = invoke("train", few, "--preset", "tiny", "--epochs", 2)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[-1].endswith(f"the model is kept in {Path('wave-model-2')}")
    assert load(tmp_path / "wave-model-2").labels == ("animal", "colour")
    assert [path.name for path in (tmp_path / "wave-model").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", SIGNALS)
def test_while_the_data_is_read_nothing_is_written(tmp_path, name):
    path = tmp_path / "long.csv"
    path.write_text("text,label\n" + "a,x\n" * 2_000_000)  # takes many seconds
    with start(tmp_path, "train", path, program=READING) as process:
        assert process.stdout.readline() == "reading\n"
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (SIGNALS[name], "", "wave-network: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.csv", "tmp"]
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
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.splitlines()[-1] == "wave-network: interrupted"
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
