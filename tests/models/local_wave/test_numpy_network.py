"""The local wave network without torch: the same answers, and nothing it is given changes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from local_networks import HIDDEN, IDS, OFFSETS, VOCABULARY, every_ngrams, every_shape, make_weights
from native import every_form, native_hidden

from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork
from wave_network.models.numpy_ops import sigmoid


def make_network(operation="modulation", members=1, scale=0.5):
    return NumpyLocalWaveNetwork(*make_weights(operation, members, scale))


def by_torch(operation, members, ids, offsets, scale=0.5, *linear):
    config, tensors = make_weights(operation, members, scale, *linear)
    model = LocalWaveNetwork(config).eval()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    with torch.no_grad():
        return model(PackedTexts(ids, offsets).to_torch()).numpy()


@every_shape
@settings(max_examples=60)
@given(
    texts=st.lists(
        st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=30), min_size=1, max_size=12
    )
)
def test_logits_equal_torchs(operation, members, texts):
    ids = np.array([token for text in texts for token in text], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, texts)])
    found = make_network(operation, members).logits(ids, offsets)
    assert found.dtype == np.float32
    assert found.shape == (len(texts), 3)
    expected = by_torch(operation, members, ids, offsets)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@every_shape
@pytest.mark.parametrize("scale", [0.05, 0.1, 2.0])
def test_logits_equal_torchs_at_every_range_of_the_start(operation, members, scale):
    found = make_network(operation, members, scale).logits(IDS, OFFSETS)
    expected = by_torch(operation, members, IDS, OFFSETS, scale)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@every_shape
@every_ngrams
@every_form
def test_logits_with_a_linear_part_equal_torchs(operation, members, ngrams, form):
    config, tensors = make_weights(operation, members, 0.5, 400, ngrams)
    assert config.linear_buckets == 131
    with native_hidden(form != "compiled"):
        found = NumpyLocalWaveNetwork(config, tensors).logits(IDS, OFFSETS)
    expected = by_torch(operation, members, IDS, OFFSETS, 0.5, 400, ngrams)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    without = make_network(operation, members).logits(IDS, OFFSETS)
    assert np.abs(found - without).max() > 0.1


@every_shape
@every_ngrams
@every_form
def test_logits_with_a_sparse_linear_part_equal_torchs(operation, members, ngrams, form):
    config, tensors = make_weights(operation, members, 0.5, 400, ngrams, 100)
    with native_hidden(form != "compiled"):
        found = NumpyLocalWaveNetwork(config, tensors).logits(IDS, OFFSETS)
    expected = by_torch(operation, members, IDS, OFFSETS, 0.5, 400, ngrams, 100)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    without = make_network(operation, members).logits(IDS, OFFSETS)
    assert np.abs(found - without).max() > 0.1


@every_ngrams
def test_margins_are_those_of_the_formula(ngrams):
    """Token by token, with weights that tell every row of every text from any other."""
    config, tensors = make_weights("modulation", 1, 0.5, 400, ngrams)
    texts = [[0], [0, 5], [0, 5, 9], [0, 3, 3, 3], [7], [0, 5, 9, 5, 39]]
    ids, offsets = np.concatenate(texts), np.cumsum([0, *map(len, texts)])
    _, linear_logits = NumpyLocalWaveNetwork(config, tensors).features_and_linear_logits(
        ids, offsets
    )
    table = tensors["linear.bigrams.weight"]
    for text, found in zip(texts, linear_logits, strict=True):
        expected = tensors["linear.bias"] + sum(
            tensors["linear.tokens.weight"][token] / len(text) ** 0.5 for token in text
        )
        for bucket in buckets_of(text, ngrams, len(table)):
            expected = expected + table[bucket] / (len(text) - 1) ** 0.5
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@every_form
def test_a_sum_of_many_large_terms_loses_no_digits(form):
    """One word 512 times, whose weights are as large as a trained model's largest ones."""
    ngrams = ("pair", "skip-pair", "triple")
    config, tensors = make_weights("modulation", 1, 0.5, 400, ngrams)
    tensors = {
        name: value * 16 if name.startswith("linear.") else value for name, value in tensors.items()
    }
    ids, offsets = np.full(512, 7, np.int32), np.array([0, 512])
    model = LocalWaveNetwork(config)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    with native_hidden(form != "compiled"):
        _, linear_logits = NumpyLocalWaveNetwork(config, tensors).features_and_linear_logits(
            ids, offsets
        )
        found = model.linear(PackedTexts(ids, offsets).to_torch()).detach()
    table = tensors["linear.bigrams.weight"].astype(float)
    expected = tensors["linear.tokens.weight"][7].astype(float) * 512**0.5
    for bucket in buckets_of(ids.tolist(), ngrams, len(table)):
        expected = expected + table[bucket] / 511**0.5
    expected = expected + tensors["linear.bias"]
    np.testing.assert_allclose(linear_logits[0], expected, rtol=3e-7)
    np.testing.assert_allclose(found[0], expected, rtol=3e-7)


def buckets_of(text, ngrams, buckets):
    before = None  # the bucket of the pair that ends a token before
    for t in range(1, len(text)):
        pair = (text[t - 1] * 2_654_435_761 + text[t] * 805_459_861) % buckets
        yield pair
        if t > 1 and "skip-pair" in ngrams:
            yield (text[t - 2] * 2_246_822_519 + text[t] * 374_761_393) % buckets
        if t > 1 and "triple" in ngrams:
            yield (before * 3_266_489_917 + text[t] * 668_265_263) % buckets
        before = pair


@every_shape
def test_long_texts_equal_torchs(operation, members):
    random = np.random.default_rng(0)
    ids = random.integers(VOCABULARY, size=3_000).astype(np.int32)
    offsets = np.array([0, 1_024, 1_025, 2_000, 3_000])
    found = make_network(operation, members).logits(ids, offsets)
    expected = by_torch(operation, members, ids, offsets)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@every_shape
def test_a_text_has_the_same_answer_alone_and_in_another_order(operation, members):
    network = make_network(operation, members)
    together = network.logits(IDS, OFFSETS)
    assert np.ptp(together, axis=0).min() > 0.01  # texts do differ
    texts = [IDS[start:stop] for start, stop in pairwise(OFFSETS)]
    alone = [network.logits(text, np.array([0, len(text)])) for text in texts]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=0, atol=1e-6)
    offsets = np.cumsum([0, *map(len, texts[::-1])])
    backwards = network.logits(np.concatenate(texts[::-1]), offsets)[::-1]
    np.testing.assert_allclose(backwards, together, rtol=0, atol=1e-6)


@every_shape
def test_word_order_matters(operation, members):
    texts = np.array([0, 5, 9, 7, 3, 0, 5, 7, 9, 3], dtype=np.int32)
    straight, swapped = make_network(operation, members).logits(texts, np.array([0, 5, 10]))
    assert np.abs(straight - swapped).max() > 1e-2


@every_shape
def test_inputs_and_weights_are_not_changed(operation, members):
    config, tensors = make_weights(operation, members)
    held = {name: tensor.copy() for name, tensor in tensors.items()}
    ids, offsets = IDS.copy(), OFFSETS.copy()
    for array in (*held.values(), ids, offsets):
        array.flags.writeable = False  # writing would raise
    network = NumpyLocalWaveNetwork(config, held)
    first = network.logits(ids, offsets)
    network.waves(ids, offsets)
    np.testing.assert_array_equal(network.logits(ids, offsets), first)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(held[name], tensor)
    np.testing.assert_array_equal(ids, IDS)
    np.testing.assert_array_equal(offsets, OFFSETS)


@every_shape
def test_waves_are_of_every_token_and_as_strong_all_over_a_text(operation, members):
    _, tensors = make_weights(operation, members)
    waves = make_network(operation, members).waves(IDS, OFFSETS)
    width = members * HIDDEN
    halves = np.split(tensors["embedding.weight"], 2, axis=1)
    for wave, half in zip(waves, halves, strict=True):
        assert wave.real.shape == wave.imag.shape == (len(IDS), width)
        np.testing.assert_array_equal(wave.real, half[IDS])
        assert (wave.imag >= 0).all()
        magnitude = np.hypot(wave.real, wave.imag)
        for start, stop in pairwise(OFFSETS):
            semantics = np.sqrt(np.square(half[IDS[start:stop]].astype(np.float64)).sum(axis=0))
            expected = np.tile(semantics, (stop - start, 1))
            np.testing.assert_allclose(magnitude[start:stop], expected, rtol=1e-5)


def test_a_text_of_one_token_has_no_local_waves_and_no_pairs():
    """What its second variant is, and what its pairs would be, then matters nothing."""
    config, tensors = make_weights("interference", 3)
    alone = np.array([7], dtype=np.int32), np.array([0, 1])
    expected = NumpyLocalWaveNetwork(config, tensors).logits(*alone)
    changed = {name: tensor.copy() for name, tensor in tensors.items()}
    changed["embedding.weight"][:, 3 * HIDDEN :] += 1
    changed["bigrams.weight"] += 1
    np.testing.assert_array_equal(NumpyLocalWaveNetwork(config, changed).logits(*alone), expected)
    more = NumpyLocalWaveNetwork(config, changed).logits(IDS, OFFSETS)
    assert not np.allclose(
        more, NumpyLocalWaveNetwork(config, tensors).logits(IDS, OFFSETS), atol=0.01
    )


def test_members_that_are_quite_sure_of_different_labels_answer_both():
    config, tensors = make_weights("modulation", 3)
    tensors = {name: tensor.copy() for name, tensor in tensors.items()}
    tensors["shortcut.bias"][:, 0] = 1e4 * np.eye(3)
    found = NumpyLocalWaveNetwork(config, tensors).logits(IDS, OFFSETS)
    np.testing.assert_allclose(np.exp(found), 1 / 3, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_ids_of_every_width_go_to_the_same_buckets(dtype):
    network = make_network(members=3)
    ids = IDS.astype(dtype)
    np.testing.assert_array_equal(network.logits(ids, OFFSETS), network.logits(IDS, OFFSETS))


def test_members_that_are_quite_sure_of_different_answers_give_each_label_their_mean():
    config, tensors = make_weights("modulation", 3)
    config = replace(config, problem_type="multi_label_classification")
    tensors = {name: tensor.copy() for name, tensor in tensors.items()}
    tensors["shortcut.bias"][:, 0] = 1e4 * np.array([[1, 1, -1], [1, -1, -1], [1, -1, 1]])
    found = sigmoid(NumpyLocalWaveNetwork(config, tensors).logits(IDS, OFFSETS))
    np.testing.assert_allclose(found, np.tile([1, 1 / 3, 1 / 3], (4, 1)), rtol=1e-5)
    model = LocalWaveNetwork(config).eval()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    with torch.no_grad():
        answer = model(PackedTexts(IDS, OFFSETS).to_torch()).sigmoid()
    np.testing.assert_allclose(answer.numpy(), found, rtol=1e-5)
