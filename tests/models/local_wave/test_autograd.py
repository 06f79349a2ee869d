"""The compiled features and their gradients against torch's own."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from native import native_hidden, needs_native

from wave_network import _native
from wave_network.config import PRESETS, LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.autograd import can_be_compiled
from wave_network.models.local_wave.native import native_shape
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.training.optimizer import build_optimizers

pytestmark = needs_native

VOCABULARY = 23
every_shape = pytest.mark.parametrize(
    ("operation", "members"), list(product(("modulation", "interference"), (1, 3)))
)
TEXTS = [[0, 5, 7, 5, 9, 9, 3], [0], [0, 5], [0, 0, 0], [0, 4, 4, 4, 4], [0, *range(23)]]


def make_model(operation="modulation", members=1, sparse=False):
    torch.manual_seed(members)
    config = LocalWaveConfig(
        labels=("a", "b", "c"),
        vocab_size=VOCABULARY,
        cls_token_id=0,
        operation=operation,
        members=members,
        hidden_size=5,
        bigram_buckets=31,
        bigram_size=3,
        feed_forward_size=7,
        initializer_range=0.5,
    )
    model = LocalWaveNetwork(config)
    torch.nn.init.normal_(model.bigrams.weight)
    model.embedding.sparse = model.bigrams.sparse = sparse
    return model


def batch_of(texts):
    ids = np.array([token for text in texts for token in text], np.int32)
    offsets = np.cumsum([0, *map(len, texts)])
    return PackedTexts(ids, offsets).to_torch()


def gradients(model, texts, slopes):
    """The features, and the gradients of their weighted sum."""
    model.zero_grad()
    features = model._features(batch_of(texts))
    (features * slopes).sum().backward()
    return features.detach(), [model.embedding.weight.grad, model.bigrams.weight.grad]


@every_shape
@pytest.mark.parametrize("sparse", [False, True])
@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=20), min_size=1, max_size=9
    )
)
def test_they_equal_torchs(operation, members, sparse, texts):
    model = make_model(operation, members, sparse)
    slopes = torch.randn(members, len(texts), 18, generator=torch.Generator().manual_seed(0))
    features, found = gradients(model, texts, slopes)
    with native_hidden():
        expected_features, expected = gradients(model, texts, slopes)
    torch.testing.assert_close(features, expected_features, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.is_sparse == sparse
        torch.testing.assert_close(ours.to_dense(), theirs.to_dense(), rtol=1e-4, atol=1e-4)


@every_shape
def test_gradients_equal_differences_of_the_features(operation, members):
    model = make_model(operation, members)
    slopes = torch.randn(members, len(TEXTS), 18, generator=torch.Generator().manual_seed(0))
    _, analytic = gradients(model, TEXTS, slopes)
    double = make_model(operation, members).double()  # torch's own forward pass, in 64 bits
    batch, step = batch_of(TEXTS), 1e-6
    for table, gradient in zip((double.embedding, double.bigrams), analytic, strict=True):
        flat = table.weight.data.view(-1)
        for index in range(0, len(flat), 7):
            values = []
            for sign in (1, -1):
                flat[index] += sign * step
                with torch.no_grad():
                    values.append(float((double._features(batch) * slopes).sum()))
                flat[index] -= sign * step
            found = float(gradient.reshape(-1)[index])
            assert found == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3, abs=1e-3)


def test_rows_that_no_text_holds_have_no_gradient():
    model = make_model(sparse=True)
    _, (tokens, pairs) = gradients(model, [[0, 5, 7], [0, 9]], torch.ones(1, 2, 18))
    assert tokens.coalesce().indices()[0].tolist() == [0, 5, 7, 9]
    assert pairs.coalesce().indices().shape[1] <= 3


def test_texts_without_pairs_have_none():
    model = make_model(sparse=True)
    _, (_, pairs) = gradients(model, [[0], [3]], torch.ones(1, 2, 18))
    assert not pairs.to_dense().any()


def test_a_text_has_the_very_same_features_in_any_batch():
    model = make_model(members=3)
    with torch.no_grad():
        together = model._features(batch_of(TEXTS))
        for number, text in enumerate(TEXTS):
            assert torch.equal(model._features(batch_of([text]))[:, 0], together[:, number])


def test_they_are_differentiable_once():
    model = make_model()
    features = model._features(batch_of(TEXTS))
    (gradient,) = torch.autograd.grad(
        features.square().sum(), model.embedding.weight, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_other_numbers_are_torchs_own():
    assert can_be_compiled(torch.empty(3, 4))
    assert not can_be_compiled(torch.empty(3, 4, dtype=torch.float64))
    assert not can_be_compiled(torch.empty(4, 3).T)
    assert not can_be_compiled(torch.empty(3, 4, device="meta"))


def test_training_gives_the_same_with_and_without():
    def train():
        model = make_model(members=2)
        train = PRESETS["small"].train
        optimizers = build_optimizers(model, train, torch.device("cpu"))
        for step in range(20):
            for optimizer in optimizers:
                optimizer.zero_grad()
            labels = torch.arange(len(TEXTS)).add(step // 10) % 3
            logits = model(batch_of(TEXTS)).flatten(0, 1)
            torch.nn.functional.cross_entropy(logits, labels.repeat(2)).backward()
            for optimizer in optimizers:
                optimizer.step()
        return model.state_dict()

    found = train()
    with native_hidden():
        expected_weights = train()
    for name, expected in expected_weights.items():
        torch.testing.assert_close(found[name], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, None),
        (1, np.array([0, 1, 99], np.int32)),
        (2, np.array([0, 2, 2, 3])),
        (2, np.array([0, 2, 4])),
        (3, np.ones((5, 3), np.float32)),
        (4, np.ones((0, 3), np.float32)),
        (5, np.ones((1, 1, 18), np.float32)),
        (6, np.ones((2, 1, 19), np.float32)),
    ],
)
def test_what_would_reach_beyond_an_array_is_refused(position, value):
    features = np.ones((2, 1, 18), np.float32)
    arguments = [
        native_shape(make_model().config),
        np.array([0, 1, 4], np.int32),
        np.array([0, 2, 3]),
        np.ones((5, 10), np.float32),
        np.ones((7, 3), np.float32),
        features,
        features,
    ]
    assert len(_native.compiled.features_backward(*arguments)) == 4
    arguments[position] = value
    with pytest.raises((ValueError, TypeError)):
        _native.compiled.features_backward(*arguments)


@pytest.mark.parametrize("ngrams", [("pair",), ("pair", "skip-pair", "triple")], ids="+".join)
@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=20), min_size=1, max_size=9
    )
)
def test_margins_equal_torchs(ngrams, texts):
    config = LocalWaveConfig(
        labels=("a", "b", "c"),
        vocab_size=VOCABULARY,
        cls_token_id=0,
        bigram_buckets=31,
        linear_size=200,
        linear_ngrams=ngrams,
    )
    linear = LocalWaveNetwork(config).linear
    generator = torch.Generator().manual_seed(0)
    for parameter in linear.parameters():
        torch.nn.init.normal_(parameter, std=30, generator=generator)
    batch = batch_of(texts)
    found = linear(batch)
    with native_hidden():
        expected = linear(batch)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
