"""`train --engine ray` on a cluster of this machine."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from ray_clusters import SETTINGS
from safetensors.numpy import load_file


@pytest.fixture
def run(cluster, tmp_path):
    """Run the command line with the cluster's address."""
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, **SETTINGS, "RAY_ADDRESS": cluster, "PYTHONPATH": path}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "wave_network", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


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
