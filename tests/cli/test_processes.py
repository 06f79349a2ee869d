"""`train` in several processes: one output, one writer, the same model."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

launched = pytest.importorskip("launched")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")


@pytest.fixture
def settings(tmp_path):
    """Options of a small `paper`, trained for an epoch on the sample."""
    path = tmp_path / "settings.json"
    shape = {"hidden_size": 16, "max_length": 32, "vocab_size": 600}
    path.write_text(json.dumps({"preset": "paper", "epochs": 1, **shape}))
    return ["train", "sample", "--config", str(path), "--device", "cpu", "--json"]


def test_torchrun_trains_the_model_of_one_process_and_prints_it_once(settings, tmp_path):
    one = [*settings, "--output", str(tmp_path / "alone")]
    assert launched.launch_command(1, one, tmp_path)[0] == [0]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--master-port", str(launched.free_port()), "--module", "wave_network"]
    done = subprocess.run(
        [*launcher, *settings, "--output", "both"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "both"
    assert done.stderr.count("epoch 1/1") == 1
    alone, both = (load_file(tmp_path / name / "model.safetensors") for name in ("alone", "both"))
    for name, weights in alone.items():
        assert np.abs(weights - both[name]).max() <= 1e-6


def test_an_error_of_the_main_process_is_one_line_and_ends_all(tmp_path):
    arguments = ["train", str(tmp_path / "none.csv"), "--preset", "paper"]
    codes, out, err = launched.launch_command(2, arguments, tmp_path)
    assert codes == [2, 0]
    assert out == ["", ""]
    assert err[0].count("\n") == 1
    assert "none.csv does not exist" in err[0]
    assert err[1] == ""


def test_compiled_training_says_that_it_takes_one_process(tmp_path):
    arguments = ["train", "sample", "--preset", "tiny", "--epochs", "1"]
    output = tmp_path / "model"
    codes, _, err = launched.launch_command(2, [*arguments, "--output", str(output)], tmp_path)
    assert codes == [0, 0]
    assert "tiny is trained by compiled code, in one process and its threads" in err[0]
    assert err[1] == ""
    assert (output / "model.safetensors").is_file()


def test_an_interrupted_training_is_resumed_by_all_processes(settings, tmp_path):
    output = ["--output", str(tmp_path / "model")]
    stopped = [*settings, *output, "--epochs", "12", "--checkpoint-every", "1"]
    codes, *_ = launched.launch_command(2, stopped, tmp_path, terminates_after="epoch 1/12")
    assert codes[0] == 143
    assert Path(f"{output[1]}.unfinished").is_dir()
    codes, out, _ = launched.launch_command(2, ["train", "--resume", output[1]], tmp_path)
    assert codes == [0, 0]
    assert json.loads(out[0].splitlines()[-1])["model"] == output[1]
    assert not Path(f"{output[1]}.unfinished").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "2"), "--workers is for --engine ray"),
        (
            ("--engine", "ray", "--checkpoint-every", "1"),
            "--checkpoint-every is for --engine local",
        ),
    ],
)
def test_options_of_engines_that_do_not_go_together(invoke, options, message):
    assert message in invoke("train", "sample", "--preset", "paper", *options).message
