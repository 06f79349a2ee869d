"""Fixtures that several test modules share."""

import os
import signal
from pathlib import Path

# The tests' tensors are small: on a busy machine threads spend their time waiting for each other.
# This must be said before the first import of torch, and subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from faults import Faults, table
from hypothesis import settings
from native import native_hidden

# A test must not fail because the machine is busy.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One worker more than cores, as some tests wait for processes; 4 at most, for memory."""
    return min(4, (os.cpu_count() or 1) + 1)


@pytest.fixture
def without_native():
    """The test runs without the compiled extension."""
    with native_hidden():
        yield


@pytest.fixture(scope="session")
def sample_model(tmp_path_factory) -> Path:
    """A model folder: preset `small`, two epochs on the bundled sample. Never change it."""
    from wave_network.config import PRESETS
    from wave_network.data import read_splits
    from wave_network.training.recipe import Recipe
    from wave_network.training.run import train_model

    folder = tmp_path_factory.mktemp("sample") / "model"
    options = {"epochs": 2, "seed": 0, "device": "cpu"}
    recipe = Recipe.of(PRESETS["small"], train_options=options, model_options={})
    train_model(read_splits("sample"), recipe, folder, overwrite=False)
    return folder


@pytest.fixture(scope="session")
def benchmark_data() -> Path:
    """The folder of the benchmark data, for tests marked `data`."""
    named = os.environ.get("WAVE_NETWORK_DATA")
    checkout = Path(__file__).resolve().parent.parent
    folder = Path(named) if named else checkout.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no benchmark data: {folder} does not exist (set WAVE_NETWORK_DATA)")
    return folder


@pytest.fixture(scope="session")
def small_tokenizer():
    """A tokenizer of some 400 entries that keeps 24 tokens of a text."""
    from wave_network.data import read_splits
    from wave_network.text import TextTokenizer

    return TextTokenizer.train(read_splits("sample").train["text"][:300], 400, 24)


@pytest.fixture
def make_files(small_tokenizer):
    """Make a model folder's content with random weights, of the shape that the options give."""
    from random_tensors import random_tensors

    from wave_network.config import LocalWaveConfig, ModelConfig
    from wave_network.persistence.folder import ModelFiles

    small = {LocalWaveConfig: {"bigram_buckets": 211, "feed_forward_size": 12}}
    tables = ("embedding.weight", "positions.weight", "bigrams.weight")

    def make(seed=0, tokenizer=small_tokenizer, config_class=ModelConfig, **options):
        config = config_class(
            **{
                "labels": ("World", "Sports", "Sci/Tech"),
                "vocab_size": tokenizer.vocab_size,
                "cls_token_id": tokenizer.cls_token_id,
                "max_length": tokenizer.max_length,
                "hidden_size": 8,
                "initializer_range": 1.0,
                **small.get(config_class, {}),
                **options,
            }
        )
        tensors = random_tensors(config, scale=1.0, seed=seed)
        for name, tensor in tensors.items():
            if tensor.ndim > 1 and name not in tables:  # the second axis is the inputs'
                tensor /= np.sqrt(tensor.shape[1], dtype=np.float32)
        figures = {"accuracy": 0.75, "macro_f1": 0.7, "loss": 0.5}
        return ModelFiles(
            config=config,
            tensors=tensors,
            tokenizer=tokenizer,
            preset="small",
            training={"epochs": 2, "seed": seed},
            metrics={
                "training_texts": 90,
                "validation_texts": 10,
                "epochs": 2,
                "best_epoch": 2,
                "validation": figures,
                "test": None,
            },
        )

    return make


@pytest.fixture
def ctrl_c():
    """What Ctrl-C does to this process, even where the test runner ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def faults(record_property):
    """Counts the faults that a test injects; they must all have been survived."""
    counted = Faults()
    yield counted
    record_property("faults", vars(counted))
    counted.check()


def pytest_terminal_summary(terminalreporter):
    """Print the table of `make reliability`."""
    if "WAVE_NETWORK_KILLS" in os.environ:
        reports = [one for kind in terminalreporter.stats.values() for one in kind]
        reports = [one for one in reports if getattr(one, "when", "") == "teardown"]
        for line in table(reports):
            terminalreporter.write_line(line)
