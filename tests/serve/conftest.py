"""Models to serve."""

import pytest

from wave_network.persistence.folder import write_model


@pytest.fixture
def make_model(make_files, tmp_path):
    """Write a model with random weights of three classes, and return its folder."""

    def make(name, **options):
        write_model(tmp_path / name, make_files(**options), card="", history=[], overwrite=True)
        return tmp_path / name

    return make
