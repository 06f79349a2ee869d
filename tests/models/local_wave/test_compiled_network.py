from copy import copy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_networks import IDS, NGRAMS, OFFSETS, VOCABULARY, every_ngrams, every_shape, make_weights
from native import native_hidden, needs_native

from wave_network import _native
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, NgramKind
from wave_network.models.local_wave.ngrams import NGRAMS as KINDS
from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork

pytestmark = needs_native


def both(network, ids, offsets):
    compiled = network.features_and_linear_logits(ids, offsets)
    with native_hidden():
        return compiled, network.features_and_linear_logits(ids, offsets)


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
        features, linear_logits = network.features_and_linear_logits(ids, offsets)
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
    features, linear_logits = network.features_and_linear_logits(IDS, OFFSETS)
    for text, (start, end) in enumerate(pairwise(OFFSETS)):
        alone = network.features_and_linear_logits(IDS[start:end], np.array([0, end - start]))
        np.testing.assert_array_equal(alone[0][:, 0], features[:, text])
        np.testing.assert_array_equal(alone[1][0], linear_logits[text])


@pytest.mark.parametrize(
    "kind",
    [
        NgramKind((3, 2, 1, 0), (*KINDS["triple"].factors, (97, 89))),
        NgramKind((7, 2, 0), ((3, 5), (7, 11))),
    ],
)
def test_a_new_kind_of_ngram_needs_a_declaration_alone(monkeypatch, kind):
    monkeypatch.setitem(KINDS, "new", kind)
    config, tensors = make_weights("modulation", 1, 0.5, 400, NGRAMS[-1])
    config = copy(config)
    object.__setattr__(config, "linear_ngrams", (*NGRAMS[-1], "new"))
    ids = np.random.default_rng(0).integers(VOCABULARY, size=60).astype(np.int32)
    compiled, plain = both(NumpyLocalWaveNetwork(config, tensors), ids, np.array([0, 5, 6, 40, 60]))
    np.testing.assert_allclose(compiled[1], plain[1], rtol=1e-5, atol=1e-5)


def shape_values(**changes):
    """Of a shape with one member, bigrams in the waves and in the linear part."""
    values = {
        "members": 1,
        "modulation": True,
        "local_scale": 1.0,
        "energy_floor": ENERGY_FLOOR,
        "bigram": KINDS["pair"],
        "linear_ngrams": (KINDS["pair"],),
    }
    return {**values, **changes}


def make_shape(**changes):
    return _native.compiled.Shape(**shape_values(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"members": 0},
        {"members": -1},
        {"members": 2**40},
        {"members": 2**70},
        {"members": 1.0},
        {"local_scale": float("nan")},
        {"local_scale": 0.0},
        {"energy_floor": float("inf")},
        {"energy_floor": "1"},
        {"bigram": None},
        {"bigram": ((1, 0),)},
        {"bigram": [(1, 0), ((1, 1),)]},
        {"bigram": ((0,), ())},
        {"bigram": ((1, 0), ())},
        {"bigram": ((1, 0), ((1, 1), (1, 1)))},
        {"bigram": ((1, 0), ((1, 1, 1),))},
        {"bigram": ((1, 1), ((1, 1),))},
        {"bigram": ((2, 1), ((1, 1),))},
        {"bigram": ((0, 1), ((1, 1),))},
        {"bigram": ((8, 0), ((1, 1),))},
        {"bigram": ((1, 0), ((-1, 1),))},
        {"bigram": ((1, 0), ((2**32, 1),))},
        {"bigram": ((1, 0), ((2**31, 2**31),))},
        {"bigram": ((1, 0), ((2**70, 1),))},
        {"bigram": ((1, 0), ((1.0, 1),))},
        {"bigram": ((4, 3, 2, 1, 0), ((1, 1),) * 4)},
        {"linear_ngrams": [KINDS["pair"]]},
        {"linear_ngrams": (KINDS["pair"],) * 9},
        {"linear_ngrams": (KINDS["pair"], None)},
    ],
    ids=str,
)
def test_a_wrong_shape_is_refused(changes):
    with pytest.raises((ValueError, TypeError)):
        make_shape(**changes)


def test_a_shape_is_described_by_keywords():
    with pytest.raises(TypeError):
        _native.compiled.Shape(*shape_values().values())


@pytest.fixture
def arguments():
    """Of a call that works: 3 tokens, two texts, one dimension, one bigram column, two labels."""
    table = np.ones((5, 2), np.float32)
    return {
        "shape": make_shape(),
        "ids": np.array([0, 1, 4], np.int32),
        "offsets": np.array([0, 2, 3]),
        "features": np.empty((2, 1, 4), np.float32),
        "margins": np.zeros((2, 2), np.float32),
        "embedding": table,
        "bigrams": np.ones((7, 1), np.float32),
        "linear_tokens": table,
        "linear_bigrams": np.ones((7, 2), np.float32),
    }


def test_sums_by_hand(arguments):
    _native.compiled.features_forward(*arguments.values())
    root = 2**0.5
    np.testing.assert_allclose(
        arguments["features"][:, 0], [[root, root, 1, 1], [1, 1, 0.001, 0]], rtol=1e-5
    )
    np.testing.assert_allclose(arguments["margins"], [[root + 1] * 2, [1, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ids", np.array([0, 1, 5], np.int32)),
        ("ids", np.array([0, -1, 4], np.int32)),
        ("ids", np.array([0, 1], np.int32)),
        ("ids", np.array([0, 1, 4])),
        ("ids", np.arange(6, dtype=np.int32)[::2]),
        ("ids", np.array([0, 1, 4], ">i4")),
        ("ids", np.frombuffer(bytes(13), np.uint8)[1:].view(np.int32)),
        ("ids", memoryview(np.arange(6, dtype=np.int32))[::2]),
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
        ("margins", np.zeros((1, 2), np.float32)),
        ("margins", np.zeros((2, 2))),
        ("shape", 1),
        ("shape", (1, True)),
    ],
)
def test_what_would_reach_beyond_an_array_is_refused(arguments, name, value):
    with pytest.raises((ValueError, TypeError)):
        _native.compiled.features_forward(*{**arguments, name: value}.values())


def test_a_shape_of_more_members_is_refused(arguments):
    with pytest.raises(ValueError, match="belong together"):
        _native.compiled.features_forward(*{**arguments, "shape": make_shape(members=2)}.values())


def test_results_that_share_memory_with_ids_are_refused(arguments):
    arguments["ids"] = arguments["features"].reshape(-1)[:3].view(np.int32)
    arguments["ids"][:] = 0
    with pytest.raises(ValueError, match="share memory"):
        _native.compiled.features_forward(*arguments.values())


def test_read_only_results_are_refused(arguments):
    arguments["features"].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        _native.compiled.features_forward(*arguments.values())


@every_shape
@pytest.mark.parametrize("texts", [0, 1, 3, 4, 16, 53])
def test_the_logits_of_the_heads_equal_numpys(operation, members, texts):
    network = NumpyLocalWaveNetwork(*make_weights(operation, members, 0.5, 400))
    features, _ = network.features_and_linear_logits(IDS, OFFSETS)
    features = np.resize(features, (members, texts, features.shape[2]))
    found = network.head_logits(features)
    assert (found.dtype, found.shape) == (np.float32, (texts, 3))
    with native_hidden():
        expected = network.head_logits(features)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("texts", [1, 20])
def test_large_features_are_read_without_an_overflow(texts):
    network = NumpyLocalWaveNetwork(*make_weights("modulation", 1, 0.5))
    features = np.full((1, texts, network.config.hidden_size * 3 + network.config.bigram_size), 1e6)
    found = network.head_logits(features.astype(np.float32))
    with native_hidden():
        expected = network.head_logits(features.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.fixture
def head_arguments():
    """Five texts, two members, three features, four wide, two labels."""
    shapes = {
        "features": (5, 2, 3),
        "logits": (2, 5, 2),
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


def test_heads_by_hand(head_arguments):
    _native.compiled.heads_forward(*head_arguments.values())
    # All of a layer alike, LayerNorm leaves its shift: 4 of the classifier, 3 of the shortcut.
    np.testing.assert_allclose(head_arguments["logits"], np.full((2, 5, 2), 9.0), rtol=1e-6)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("position", range(10))
def test_weights_that_do_not_belong_together_are_refused(head_arguments, position, axis):
    name = list(head_arguments)[position]
    head_arguments[name] = np.concatenate([head_arguments[name]] * 2, axis=axis)
    with pytest.raises(ValueError, match="belong together"):
        _native.compiled.heads_forward(*head_arguments.values())


def test_other_arrays_are_refused(head_arguments):
    features, logits, *heads = head_arguments.values()
    forward = _native.compiled.heads_forward
    for wrong in (
        (features, logits, *heads[:-1]),
        (features, logits[0], *heads),
        (features.astype(float), logits, *heads),
    ):
        with pytest.raises(TypeError):
            forward(*wrong)
    logits.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        forward(features, logits, *heads)
