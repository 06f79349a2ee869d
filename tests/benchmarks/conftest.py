"""The benchmarks are scripts beside the package; they import each other by their bare names."""

import csv
import sys
from pathlib import Path

import pytest

from wave_network.data import read_splits

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def scripts(monkeypatch) -> Path:
    """The folder of the scripts; their modules can be imported."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(SCRIPTS)
    yield SCRIPTS
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) == str(SCRIPTS / f"{name}.py"):
            del sys.modules[name]


@pytest.fixture(scope="session")
def topics(tmp_path_factory) -> Path:
    """The bundled sample as a data set, a folder `topics`. Never change it."""
    target, splits = tmp_path_factory.mktemp("data") / "topics", read_splits("sample")
    target.mkdir()
    for name, rows in (("train", splits.train), ("test", splits.test)):
        with (target / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(zip(rows["text"], rows["label"], strict=True))
    return target


@pytest.fixture
def row():
    """Make a row of `compare.csv`, with nothing but what is given and what is drawn."""
    measured = {
        "date": "2026-01-01T00:00:00+00:00",
        "commit": "aaaaaaa",
        "machine": "Some Processor",
        "cores": 2,
        "memory_gb": 8.0,
        "data": "news",
        "per_class": None,
        "model": "small",
        "seed": 0,
        "threads": 2,
        "epochs": None,
        "max_length": None,
        "tokenizer": None,
        "train_rows": 1_000,
        "test_rows": 500,
        "classes": 4,
        "accuracy": 0.9,
        "macro_f1": 0.9,
        "train_seconds": 10.0,
        "texts_per_second": 1_000.0,
        "p50_ms": 0.1,
        "cold_seconds": None,
        "start_mb": 300.0,
        "train_mb": 350.0,
        "parameters": 1_000_000,
        "size_bytes": 4_000_000,
        "waves_accuracy": None,
        "linear_accuracy": None,
    }
    return lambda **values: {**measured, **values}
