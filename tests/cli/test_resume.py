"""`train --checkpoint-every` and `--resume`: killed or interrupted, it ends with the same weights.

`make reliability` kills more.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import KILLS

from wave_network.persistence.one_run import one_run
from wave_network.training.unfinished import Unfinished, unfinished_folder

EVERY = ("--checkpoint-every", "0.05s")
RARELY = ("--checkpoint-every", "0.5s")
OPTIONS = (
    *("--preset", "small", "--epochs", str(7 * KILLS + 10)),  # long enough to be killed that often
    *("--vectors", "none", "--quoting", "auto"),
)
FILES = ("model.safetensors", "tokenizer.json", "config.json")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs the signals of Unix")


def start(folder, *arguments):
    command = [sys.executable, "-m", "wave_network", "train", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background of a shell ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process, code=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, err
    return out + err


def contents(folder):
    return {name: (Path(folder) / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The files of the model that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    ended(start(folder, "sample", *OPTIONS, "--output", "model"))
    return contents(folder / "model")


def wait_for_checkpoint(process, output):
    state = unfinished_folder(output) / "training-1" / "state.json"
    while not state.exists():
        assert process.poll() is None
        time.sleep(0.01)


def test_a_killed_training_ends_with_the_same_weights(tmp_path, whole, faults):
    faults.name = "kill -9 of training, checkpoints and resuming"
    draw = random.Random(0)
    output = tmp_path / "model"
    process = start(tmp_path, "sample", *OPTIONS, *EVERY, "--output", "model")
    for kill in range(KILLS // 4):
        if kill == 0:
            wait_for_checkpoint(process, output)
        else:
            time.sleep(draw.uniform(0.0, 1.5))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        faults.add(survived=True)
        if not (unfinished_folder(output) / "command.json").exists():  # killed on its way out
            break
        process = start(tmp_path, "--resume", "model", "--threads", str(1 + kill % 3))
    process.communicate(timeout=300)
    assert process.returncode in (0, -signal.SIGKILL)
    refused = start(tmp_path, "--resume", "model")
    assert "model is complete" in ended(refused, 2)
    assert contents(output) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_training_stores_its_state_first(tmp_path, whole, number):
    process = start(tmp_path, "sample", *OPTIONS, *RARELY, "--output", "model")
    wait_for_checkpoint(process, tmp_path / "model")
    process.send_signal(number)
    said = ended(process, 128 + number)
    assert "go on with: wave-network train --resume model" in said
    assert [path.name for path in tmp_path.iterdir()] == ["model.unfinished"]
    resumed = start(tmp_path, "--resume", "model", "--json")
    assert json.loads(resumed.communicate()[0])["model"] == "model"
    assert contents(tmp_path / "model") == whole
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_run_that_was_killed_when_its_model_was_there(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(Unfinished, "end", lambda self: os.kill(os.getpid(), signal.SIGKILL))
    child = os.fork()
    if child == 0:
        os.chdir(tmp_path)
        from wave_network.cli import main

        sys.argv = ["wave-network", "train", "sample", *OPTIONS, *RARELY, "--output", "model"]
        main()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert contents(tmp_path / "model") == whole
    ended(start(tmp_path, "--resume", "model"))
    assert contents(tmp_path / "model") == whole
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_cannot_be_resumed_is_refused(tmp_path, monkeypatch, invoke):
    monkeypatch.chdir(tmp_path)
    assert "there is no unfinished training of model" in invoke("train", "--resume=model").message
    folder = tmp_path / "model.unfinished"
    folder.mkdir()
    command = folder / "command.json"
    command.write_text("{")
    assert "command.json is damaged" in invoke("train", "--resume=model").message
    asked = {"version": "0.0.1", "working_folder": str(tmp_path), "options": {}}
    command.write_text(json.dumps(asked))
    assert "was begun by version 0.0.1" in invoke("train", "--resume=model").message
    from wave_network import __version__

    command.write_text(json.dumps({**asked, "version": __version__, "working_folder": "/else"}))
    assert "was begun in /else: resume it there" in invoke("train", "--resume=model").message
    for options in (["--epochs=3"], ["--overwrite"], ["other.csv"]):
        refused = invoke("train", "--resume=model", *options)
        assert refused.code == 2
        assert "does not go with --resume" in refused.message
    assert "is not a duration" in invoke("train", "--checkpoint-every=often").message


def test_the_state_of_another_training_is_not_lost(tmp_path, invoke):
    output = tmp_path / "model"
    options = ("train", "sample", "--epochs=1", "--checkpoint-every=1h", f"--output={output}")
    folder = unfinished_folder(output)
    (folder / "training-1").mkdir(parents=True)
    (folder / "command.json").write_text("{}")
    refused = invoke(*options)
    assert refused.code == 2
    assert "has an unfinished training: go on with it by --resume" in refused.message
    (folder / "diary.txt").write_text("mine")
    for more in ((), ("--overwrite",)):
        refused = invoke(*options, *more)
        assert refused.code == 2
        assert "holds other files than those of an unfinished training" in refused.message
    (folder / "diary.txt").unlink()
    assert (folder / "training-1").exists()
    assert invoke(*options, "--overwrite").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_two_runs_into_one_folder(tmp_path, invoke):
    output = tmp_path / "new" / "model"
    with one_run(output):
        refused = invoke("train", "sample", "--epochs=1", f"--output={output}")
        assert refused.code == 2
        assert "another run is writing" in refused.message
    assert [*tmp_path.iterdir()] == []  # a lock leaves nothing


def test_a_dead_runs_lock_holds_nobody_up(tmp_path):
    program = f"""
import os, signal
from pathlib import Path
from wave_network.persistence.one_run import one_run
with one_run(Path({str(tmp_path / "model")!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert len([*tmp_path.iterdir()]) == 1
    with one_run(tmp_path / "model"):
        pass
    assert [*tmp_path.iterdir()] == []
