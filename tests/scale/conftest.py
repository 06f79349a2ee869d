"""A Ray cluster that the tests of this room share."""

import pytest
import ray_clusters


@pytest.fixture(scope="session")
def cluster():
    """The address of a cluster of two CPUs."""
    pytest.importorskip("ray")
    with ray_clusters.running() as address:
        yield address
