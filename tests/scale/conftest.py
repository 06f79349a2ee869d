"""A Ray cluster that the tests of this room share."""

import os
import subprocess
import sys

import pytest
import ray_clusters
from cli_helpers import labelled_rows, write_csv


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
