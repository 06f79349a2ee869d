"""A Ray cluster, models with random weights, and parts to predict."""

import json
import os
import subprocess
import sys

import pytest
import ray_clusters
from cli_helpers import labelled_rows, write_csv

from wave_network.config import LocalWaveConfig
from wave_network.persistence.folder import write_model


@pytest.fixture(scope="session")
def cluster():
    """The address of a cluster of two CPUs."""
    pytest.importorskip("ray")
    with ray_clusters.running() as address:
        yield address


@pytest.fixture
def run(cluster, tmp_path):
    """Run the command line with the cluster's address, beside `few.csv`."""
    write_csv(tmp_path / "few.csv", labelled_rows())
    path = os.pathsep.join(sys.path)
    environment = {
        **os.environ,
        **ray_clusters.SETTINGS,
        "RAY_ADDRESS": cluster,
        "PYTHONPATH": path,
    }

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "wave_network", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def make_model(tmp_path, make_files):
    """Write a model folder of some seed."""

    def make(name="model", seed=0):
        files = make_files(seed, config_class=LocalWaveConfig)
        write_model(tmp_path / name, files, card="", history=[])
        return tmp_path / name

    return make


@pytest.fixture
def model(make_model):
    return make_model()


@pytest.fixture
def parts(tmp_path):
    """A folder of six files of texts with keys, one of them empty in each."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(6):
        write_part(folder, number)
    return folder


def write_part(folder, number, rows=50):
    texts = [f"text {row} of {number}" if row != 7 else "" for row in range(rows)]
    lines = [json.dumps({"key": f"{number}-{row}", "text": text}) for row, text in enumerate(texts)]
    (folder / f"part-{number}.jsonl").write_text("".join(line + "\n" for line in lines))
