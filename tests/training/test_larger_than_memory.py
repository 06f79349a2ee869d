"""Training on data in files: the same model as in memory, in memory that does not grow."""

import json
import os
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest

from wave_network.config import get_preset
from wave_network.data import TrainingData, read_splits
from wave_network.scale import arrays
from wave_network.scale.cache import Cache
from wave_network.training.fit import fit
from wave_network.training.recipe import Recipe


def trained(rows, cache=None, **options):
    recipe = Recipe.of(
        get_preset("tiny"),
        train_options={"epochs": 2, "refit": True, **options},
        model_options={},
        cache=cache,
    )
    return fit(TrainingData(rows), recipe)


def same(first, second):
    tensors = first.files.tensors, second.files.tensors
    assert tensors[0].keys() == tensors[1].keys()
    for name in tensors[0]:
        assert np.array_equal(tensors[0][name], tensors[1][name]), name
    kept = [
        {key: value for key, value in fitted.files.metrics.items() if key != "train_seconds"}
        for fitted in (first, second)
    ]
    assert kept[0] == kept[1]
    assert first.files.temperature == second.files.temperature
    assert np.array_equal(first.files.out_of_scope.pairs, second.files.out_of_scope.pairs)


@pytest.fixture(scope="module")
def in_memory():
    return trained(read_splits("sample").train)


@pytest.mark.parametrize("with_cache", [False, True])
def test_a_model_is_the_same_with_all_arrays_in_files(with_cache, in_memory, monkeypatch, tmp_path):
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 1_000)
    monkeypatch.setattr(arrays, "AT_ONCE", 100)
    cache = Cache(tmp_path / "cache") if with_cache else None
    same(in_memory, trained(read_splits("sample", cache=cache).train, cache))


def test_a_second_training_reuses_the_cache(in_memory, tmp_path):
    for run in range(2):
        cache = Cache(tmp_path)
        rows = read_splits("sample", cache=cache).train
        same(in_memory, trained(rows, cache))
        assert (cache.written > 0) == (run == 0)
        assert (cache.reused > 0) == (run == 1)
        assert cache.written + cache.reused == sum(
            path.stat().st_size for path in tmp_path.glob("*/*.bin")
        )
    # Another vocabulary shares the rows, but not the ids.
    cache = Cache(tmp_path)
    rows = read_splits("sample", cache=cache).train
    recipe = Recipe.of(
        get_preset("tiny"),
        train_options={"epochs": 1},
        model_options={"max_length": 9},
        cache=cache,
    )
    fit(TrainingData(rows), recipe)
    assert cache.reused > 0
    assert cache.written > 0


def test_changed_data_are_read_again(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nsun,warm\nsnow,cold\n")
    cache = Cache(tmp_path / "cache")
    assert read_splits(path, cache=cache).train["text"][:] == ["sun", "snow"]
    path.write_text("text,label\nsun,warm\nrain,cold\n")
    assert read_splits(path, cache=cache).train["text"][:] == ["sun", "rain"]
    swapped = read_splits(path, "label", "text", cache=cache).train
    assert swapped["text"][:] == ["warm", "cold"]
    assert cache.reused == 0
    again = read_splits(path, cache=cache).train
    assert again[:] == {"text": ["sun", "rain"], "label": ["warm", "cold"]}
    assert cache.reused > 0


MEASURED = """
    import json, sys, threading
    from pathlib import Path
    from wave_network.config import get_preset
    from wave_network.data import read_splits
    from wave_network.scale import arrays
    from wave_network.training.local_wave import linear_part, lsa
    from wave_network.training.recipe import Recipe
    from wave_network.training.run import train_model

    arrays.BYTES_IN_MEMORY, arrays.AT_ONCE = 2**18, 2**13
    linear_part._MOST_TOKENS = lsa._MOST_TOKENS = 100_000

    def kept():  # without the pages of mapped files, which the system can drop
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) / 1024

    peak, ended = [0.0], threading.Event()

    def watch():
        while not ended.wait(0.02):
            peak[0] = max(peak[0], kept())

    def train(path, output):
        recipe = Recipe.of(
            get_preset("tiny"), train_options={"epochs": 1}, model_options={"max_length": 64}
        )
        train_model(read_splits(path), recipe, output, overwrite=False)

    watcher = threading.Thread(target=watch)
    watcher.start()
    folder, peaks = Path(sys.argv[1]), []
    for name in ("few", "many"):
        peak[0] = 0.0
        train(folder / f"{name}.csv", folder / name)
        peaks.append(peak[0])
    ended.set()
    watcher.join()
    print(json.dumps(peaks))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no account of memory")
def test_more_texts_take_no_more_memory(tmp_path):
    generator = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(3_000)])
    chosen = words[generator.integers(len(words), size=(10_000, 60))]
    rows = [f"{' '.join(some)} {'x' * 8_000},{i % 2}" for i, some in enumerate(chosen)]
    for name, count in {"few": 2_000, "many": len(rows)}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows[:count]]))
    more = (tmp_path / "many.csv").stat().st_size - (tmp_path / "few.csv").stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", dedent(MEASURED), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    few, many = json.loads(done.stdout)
    assert many - few < more / 2**20 / 2, "MiB"
