"""Fits side by side, in threads and in forked processes."""

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from fitting import fit
from native import needs_native

from wave_network.config import (
    LocalWaveConfig,
    ModelConfig,
    Preset,
    TrainConfig,
    get_preset,
    override,
)
from wave_network.data import from_memory

TEXTS = [f"{word} {number}" for number in range(30) for word in ("goal team", "bank loan")]
ROWS = from_memory(TEXTS, ["sport", "money"] * 30)
CONFIG = TrainConfig(epochs=2, batch_size=16, token_dropout=0.1, max_grad_norm=None, device="cpu")
WAVE = {"hidden_size": 16, "max_length": 32, "dropout": 0.1, "positions": "learned"}
LOCAL = {"hidden_size": 8, "bigram_buckets": 1_009, "members": 2, "max_length": 32}
PRESETS = {
    "wave": Preset("paper", ModelConfig, WAVE, CONFIG, 500),
    "local": Preset("small", LocalWaveConfig, LOCAL, CONFIG, 500),
    "linear": Preset("small", LocalWaveConfig, {**LOCAL, "linear_size": 2_000}, CONFIG, 500),
}


def fit_one(name, seed):
    return fit(ROWS, None, PRESETS[name], replace(CONFIG, seed=seed)).files.tensors


def same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", PRESETS)
def test_fits_in_threads_at_once_give_what_they_give_one_after_the_other(name):
    seeds = [0, 1, 2, 0, 1, 2]
    expected = [fit_one(name, seed) for seed in seeds]
    with ThreadPoolExecutor(max_workers=3) as pool:
        found = list(pool.map(lambda seed: fit_one(name, seed), seeds))
    assert all(map(same, expected, found))
    assert not same(found[0], found[1])


@pytest.mark.parametrize("name", PRESETS)
def test_the_number_of_threads_changes_no_bit_and_is_told(name):
    fitted = [fit(ROWS, None, PRESETS[name], CONFIG, threads=count) for count in (1, 2, 3)]
    if name != "wave":  # torch sums in another order
        assert all(same(fitted[0].files.tensors, other.files.tensors) for other in fitted[1:])
    assert [each.described.summary.threads for each in fitted] == [1, 2, 3]


@needs_native
def test_the_preset_small_is_the_same_with_any_number_of_threads():
    preset = get_preset("small")
    config = override(preset.train, epochs=3, device="cpu")
    fitted = [fit(ROWS, None, preset, config, threads=count) for count in (1, 2, 3)]
    assert all(same(fitted[0].files.tensors, other.files.tensors) for other in fitted[1:])


def fit_in_child(name, results):
    results.put(list(fit_one(name, 0)))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not fork here")
@pytest.mark.parametrize("name", PRESETS)
def test_a_forked_process_trains_after_its_parent_did(name):
    tensors = list(fit_one(name, 0))
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=fit_in_child, args=(name, results), daemon=True)
    child.start()
    try:
        assert results.get(timeout=60) == tensors
    finally:
        child.kill()
        child.join()
