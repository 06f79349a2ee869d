"""The compiled features and margins against torch's own."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from native import native_hidden, needs_native

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.compiled_forward import can_be_compiled
from wave_network.models.local_wave.network import LocalWaveNetwork

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


@every_shape
@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=20), min_size=1, max_size=9
    )
)
@torch.no_grad()
def test_features_equal_torchs(operation, members, texts):
    model = make_model(operation, members)
    found = model._features(batch_of(texts))
    with native_hidden():
        expected = model._features(batch_of(texts))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@every_shape
@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_equal_differences_of_the_compiled_features(operation, members, sparse):
    model = make_model(operation, members, sparse)
    batch, step = batch_of(TEXTS), 1e-2
    slopes = torch.randn(members, len(TEXTS), 18, generator=torch.Generator().manual_seed(0))
    (model._features(batch) * slopes).sum().backward()
    for table in (model.embedding, model.bigrams):
        gradient = table.weight.grad.to_dense()
        for row in range(0, len(gradient), 5):
            values = []
            for sign in (1, -1):
                with torch.no_grad():
                    table.weight[row] += sign * step * gradient[row].sign()
                    values.append(float((model._features(batch) * slopes).sum()))
                    table.weight[row] -= sign * step * gradient[row].sign()
            expected = float(gradient[row].abs().sum())
            assert (values[0] - values[1]) / (2 * step) == pytest.approx(
                expected, rel=2e-2, abs=1e-2
            )


def test_a_text_has_the_very_same_features_in_any_batch():
    model = make_model(members=3)
    with torch.no_grad():
        together = model._features(batch_of(TEXTS))
        for number, text in enumerate(TEXTS):
            assert torch.equal(model._features(batch_of([text]))[:, 0], together[:, number])


def test_gradients_and_other_numbers_are_torchs_own():
    assert can_be_compiled(torch.empty(3, 4))
    assert not can_be_compiled(torch.empty(3, 4, requires_grad=True))
    with torch.no_grad():
        assert can_be_compiled(torch.empty(3, 4, requires_grad=True))
    assert not can_be_compiled(torch.empty(3, 4, dtype=torch.float64))
    assert not can_be_compiled(torch.empty(4, 3).T)
    assert not can_be_compiled(torch.empty(3, 4, device="meta"))


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
