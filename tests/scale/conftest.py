"""Models with random weights, and parts to predict with them."""

import json

import pytest

from wave_network.config import LocalWaveConfig
from wave_network.persistence.folder import write_model


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
