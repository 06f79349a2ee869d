"""`train --engine ray` on a cluster of this machine."""

import json

import launched
import numpy as np
import pytest
from engines import takes_long
from safetensors.numpy import load_file

from wave_network.config import PRESETS
from wave_network.errors import ConfigError
from wave_network.scale.ray_training import Room, processes_for
from wave_network.training.recipe import Recipe


@takes_long
def test_two_workers_train_the_model_of_one_process(run, tmp_path):
    shape = {"hidden_size": 16, "max_length": 32, "vocab_size": 600}
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"preset": "paper", "epochs": 1, **shape}))
    options = ["train", "sample", "--config", str(settings), "--device", "cpu", "--json"]
    here = [*options, "--output", str(tmp_path / "here")]
    assert launched.launch_command(1, here, tmp_path)[0] == [0]
    done = run(*options, "--output", "there", "--engine", "ray", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "there"
    assert done.stderr.count("epoch 1/1") == 1
    alone, both = (load_file(tmp_path / name / "model.safetensors") for name in ("here", "there"))
    for name, weights in alone.items():
        assert np.abs(weights - both[name]).max() <= 1e-6


@takes_long
def test_a_compiled_preset_is_trained_in_one_process_of_the_cluster(run, tmp_path):
    done = run("train", "few.csv", "--preset", "tiny", "--output", "model", "--engine", "ray")
    assert done.returncode == 0, done.stderr
    assert "tiny is trained by compiled code, in one process" in done.stderr
    assert (tmp_path / "model" / "model.safetensors").is_file()


def recipe(preset, **options):
    return Recipe.of(PRESETS[preset], train_options=options, model_options={})


@pytest.mark.parametrize(
    ("preset", "nodes", "workers", "expected"),
    [
        ("paper", [{"CPU": 4.0}], None, Room(1, 4, gpu=False)),
        ("paper", [{"CPU": 4.0}, {"CPU": 8.0}, {"memory": 1.0}], None, Room(2, 4, gpu=False)),
        ("paper", [{"CPU": 4.0}, {"CPU": 4.0}], 3, Room(3, 2, gpu=False)),
        ("paper", [{"CPU": 8.0, "GPU": 2.0}], None, Room(2, 4, gpu=True)),
        ("small", [{"CPU": 4.0}, {"CPU": 8.0}], 2, Room(1, 8, gpu=False)),
    ],
)
def test_the_processes_that_a_cluster_has_room_for(preset, nodes, workers, expected):
    assert processes_for(recipe(preset), nodes, workers) == expected


def test_more_processes_than_a_cluster_has_room_for():
    with pytest.raises(ConfigError, match="workers 9 is more than the 2 CPUs of the Ray cluster"):
        processes_for(recipe("paper"), [{"CPU": 2.0}], 9)
