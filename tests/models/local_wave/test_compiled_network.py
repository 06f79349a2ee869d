from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_networks import IDS, NGRAMS, OFFSETS, VOCABULARY, every_ngrams, every_shape, make_weights
from ngram_hashes import PAIR_FACTORS, SKIP_PAIR_FACTORS, TRIPLE_FACTORS

from wave_network.models.local_wave import numpy_network as local_network
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR
from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork

pytestmark = pytest.mark.skipif(
    local_network.compiled is None, reason="the compiled parts were not built"
)


def both(network, ids, offsets):
    compiled = network.sums(ids, offsets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_network, "compiled", None)
        return compiled, network.sums(ids, offsets)


@every_shape
@pytest.mark.parametrize("linear", [(0,), *((400, ngrams) for ngrams in NGRAMS)], ids=str)
@settings(max_examples=60)
@given(
    texts=st.lists(st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=30), max_size=12)
)
def test_sums_equal_numpys(operation, members, linear, texts):
    network = NumpyLocalWaveNetwork(*make_weights(operation, members, 0.5, *linear))
    ids = np.array([token for text in texts for token in text], np.int32)
    offsets = np.cumsum([0, *map(len, texts)])
    if not texts:
        features, linear_logits = network.sums(ids, offsets)
        assert (features.shape[1], linear_logits.shape[0]) == (0, 0)
        return
    compiled, plain = both(network, ids, offsets)
    for found, expected in zip(compiled, plain, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@every_shape
def test_long_texts_equal_numpys(operation, members):
    network = NumpyLocalWaveNetwork(*make_weights(operation, members, 0.5, 400, NGRAMS[-1]))
    ids = np.random.default_rng(0).integers(VOCABULARY, size=30_000).astype(np.int32)
    compiled, plain = both(network, ids, np.array([0, 16_384, 16_385, 30_000]))
    for found, expected in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@every_ngrams
def test_a_text_has_the_very_same_sums_alone(ngrams):
    network = NumpyLocalWaveNetwork(*make_weights("modulation", 2, 0.5, 400, ngrams))
    features, linear_logits = network.sums(IDS, OFFSETS)
    for text, (start, end) in enumerate(pairwise(OFFSETS)):
        alone = network.sums(IDS[start:end], np.array([0, end - start]))
        np.testing.assert_array_equal(alone[0][:, 0], features[:, text])
        np.testing.assert_array_equal(alone[1][0], linear_logits[text])


NO_NGRAMS = (False, SKIP_PAIR_FACTORS, False, TRIPLE_FACTORS)


@pytest.fixture
def arguments():
    """Of a call that works: 3 tokens of 5, two texts, one dimension, a pair number, two labels."""
    table = np.ones((5, 2), np.float32)
    return {
        "ids": np.array([0, 1, 4], np.int32),
        "offsets": np.array([0, 2, 3]),
        "embedding": table,
        "bigrams": np.ones((7, 1), np.float32),
        "linear_tokens": table,
        "linear_bigrams": np.ones((7, 2), np.float32),
        "features": np.empty((2, 1, 4), np.float32),
        "linear_logits": np.zeros((2, 2), np.float32),
        "shape": (1, True, PAIR_FACTORS, 1.0, ENERGY_FLOOR, *NO_NGRAMS),
    }


def test_sums_by_hand(arguments):
    local_network.compiled.text_sums(*arguments.values())
    root = 2**0.5
    np.testing.assert_allclose(
        arguments["features"][:, 0], [[root, root, 1, 1], [1, 1, 0.001, 0]], rtol=1e-5
    )
    np.testing.assert_allclose(arguments["linear_logits"], [[root + 1] * 2, [1, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ids", np.array([0, 1, 5], np.int32)),
        ("ids", np.array([0, -1, 4], np.int32)),
        ("ids", np.array([0, 1], np.int32)),
        ("ids", np.array([0, 1, 4])),
        ("ids", np.arange(6, dtype=np.int32)[::2]),
        ("ids", None),
        ("offsets", np.array([0, 2, 2, 3])),
        ("offsets", np.array([0, 3, 2, 3])),
        ("offsets", np.array([1, 2, 3])),
        ("offsets", np.array([0, 2, 4])),
        ("offsets", np.empty(0, np.int64)),
        ("offsets", np.array([0, 2, 3], np.float64)),
        ("embedding", np.ones((5, 2))),
        ("embedding", np.ones((5, 3), np.float32)),
        ("embedding", np.ones((4, 2), np.float32)),
        ("bigrams", np.ones((0, 1), np.float32)),
        ("bigrams", np.ones((7, 2), np.float32)),
        ("linear_tokens", np.ones((4, 2), np.float32)),
        ("linear_tokens", np.ones((5, 3), np.float32)),
        ("linear_bigrams", np.ones((0, 2), np.float32)),
        ("features", np.empty((2, 1, 3), np.float32)),
        ("features", np.empty((2, 4), np.float32)),
        ("linear_logits", np.zeros((1, 2), np.float32)),
        ("linear_logits", np.zeros((2, 2))),
        ("shape", (0, True, PAIR_FACTORS, 1.0, ENERGY_FLOOR, *NO_NGRAMS)),
        ("shape", (2, True, PAIR_FACTORS, 1.0, ENERGY_FLOOR, *NO_NGRAMS)),
        ("shape", (-1, True, PAIR_FACTORS, 1.0, ENERGY_FLOOR, *NO_NGRAMS)),
        ("shape", (1, True)),
        ("shape", 1),
    ],
)
def test_what_would_reach_beyond_an_array_is_refused(arguments, name, value):
    with pytest.raises((ValueError, TypeError, BufferError)):
        local_network.compiled.text_sums(*{**arguments, name: value}.values())


def test_read_only_results_are_refused(arguments):
    arguments["features"].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        local_network.compiled.text_sums(*arguments.values())


@every_shape
def test_what_is_read_of_a_text_equals_numpys(operation, members, monkeypatch):
    network = NumpyLocalWaveNetwork(*make_weights(operation, members, 0.5, 400))
    features, _ = network.sums(IDS, OFFSETS)
    alone = [network.head_logits(features[:, [text]]) for text in range(features.shape[1])]
    monkeypatch.setattr(local_network, "compiled", None)
    for text, found in enumerate(alone):
        assert (found.dtype, found.shape) == (np.float32, (1, 3))
        expected = network.head_logits(features[:, [text]])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_large_features_are_read_without_an_overflow(monkeypatch):
    network = NumpyLocalWaveNetwork(*make_weights("modulation", 1, 0.5))
    features = np.full((1, 1, network.config.hidden_size * 3 + network.config.bigram_size), 1e6)
    found = network.head_logits(features.astype(np.float32))
    monkeypatch.setattr(local_network, "compiled", None)
    np.testing.assert_allclose(found, network.head_logits(features.astype(np.float32)), rtol=1e-4)


@pytest.fixture
def read_arguments():
    """Two members, three features, four wide, two labels."""
    shapes = {
        "features": (2, 1, 3),
        "logits": (2, 1, 2),
        "feed_forward": (2, 3, 4),
        "feed_forward_bias": (2, 1, 4),
        "norm": (2, 1, 4),
        "norm_bias": (2, 1, 4),
        "classifier": (2, 4, 2),
        "classifier_bias": (2, 1, 2),
        "shortcut": (2, 3, 2),
        "shortcut_bias": (2, 1, 2),
    }
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


def test_reading_by_hand(read_arguments):
    local_network.compiled.read_text(*read_arguments.values())
    # All of a layer alike, LayerNorm leaves its shift: 4 of the classifier, 3 of the shortcut.
    np.testing.assert_allclose(read_arguments["logits"], np.full((2, 1, 2), 9.0), rtol=1e-6)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("position", range(10))
def test_weights_that_do_not_belong_together_are_refused(read_arguments, position, axis):
    name = list(read_arguments)[position]
    read_arguments[name] = np.concatenate([read_arguments[name]] * 2, axis=axis)
    with pytest.raises(ValueError, match="belong together"):
        local_network.compiled.read_text(*read_arguments.values())


def test_other_arrays_are_refused(read_arguments):
    features, logits, *readers = read_arguments.values()
    read = local_network.compiled.read_text
    for wrong in (
        (features, logits, *readers[:-1]),
        (features, logits[0], *readers),
        (features.astype(float), logits, *readers),
    ):
        with pytest.raises(TypeError):
            read(*wrong)
    logits.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        read(features, logits, *readers)
