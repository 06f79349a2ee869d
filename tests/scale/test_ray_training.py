"""`train --engine ray` on a cluster of this machine."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file


def test_two_workers_train_the_model_of_one_process(run, tmp_path):
    shape = {"hidden_size": 16, "max_length": 32, "vocab_size": 600}
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"preset": "paper", "epochs": 1, **shape}))
    options = ["train", "sample", "--config", "settings.json", "--device", "cpu", "--json"]
    assert run(*options, "--output", "here").returncode == 0
    done = run(*options, "--output", "there", "--engine", "ray", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "there"
    assert done.stderr.count("epoch 1/1") == 1
    here, there = (load_file(tmp_path / name / "model.safetensors") for name in ("here", "there"))
    for name, weights in here.items():
        assert np.abs(weights - there[name]).max() <= 1e-6


def test_a_compiled_preset_is_trained_in_one_process_of_the_cluster(run, tmp_path):
    options = ["train", "sample", "--preset", "tiny", "--epochs", "1"]
    assert run(*options, "--output", "here").returncode == 0
    done = run(*options, "--output", "there", "--engine", "ray")
    assert done.returncode == 0, done.stderr
    assert "tiny is trained by compiled code, in one process" in done.stderr
    here, there = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("here", "there")
    )
    assert here == there


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "9"), "--workers 9 is more than the 2 CPUs of the Ray cluster"),
        (("--checkpoint-every", "1"), "--checkpoint-every stores the state on this machine"),
    ],
)
def test_what_a_cluster_cannot_do_is_one_line(run, options, message):
    done = run("train", "sample", "--preset", "paper", "--engine", "ray", *options)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
