"""Waves of first tokens straight from a lookup table."""

import pytest
import torch
from torch.testing import assert_close

from wave_network import ops
from wave_network.ops import factored

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
positions = pytest.mark.parametrize("with_positions", [False, True])


def example(hidden, lengths=(1, 2, 3, 7, 63), distinct=20, seed=0):
    """Rows, index, positions and offsets; row 0 is `[CLS]`, also met elsewhere; one row unused."""
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    index = torch.randint(0, distinct - 1, (int(offsets[-1]),), generator=generator)
    index[offsets[:-1]] = 0
    index[offsets[-2]] = 3  # not every first token need be the same
    rows = torch.randn(distinct, hidden, generator=generator).double()
    position_rows = torch.randn(max(lengths) + 4, hidden, generator=generator).double()
    return rows, index, position_rows, offsets


def composed(rows, index, position_rows, offsets):
    """The same by looking every embedding up."""
    embeddings = rows[index]
    if position_rows is not None:
        position = torch.cat([torch.arange(length) for length in offsets.diff()])
        embeddings = embeddings + position_rows[position]
    return ops.represent_first(embeddings, offsets)


def value_and_gradients(function, dtype, rows, index, position_rows, offsets):
    leaves = [x.detach().to(dtype).requires_grad_() for x in (rows, position_rows) if x is not None]
    wave = function(leaves[0], index, leaves[1] if position_rows is not None else None, offsets)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(part.shape, generator=generator).to(dtype) for part in wave]
    torch.autograd.backward(wave, weights)
    return [*wave, *(leaf.grad for leaf in leaves)]


@pytest.fixture(autouse=True, params=[0, 2**30], ids=["text by text", "at once"])
def _small_batch(request, monkeypatch):
    monkeypatch.setattr(factored, "_SMALL_BATCH", request.param)


@positions
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("hidden", [1, 5, 60])
def test_equals_looking_every_embedding_up(hidden, dtype, with_positions):
    rows, index, position_rows, offsets = example(hidden)
    inputs = (rows, index, position_rows if with_positions else None, offsets)
    expected = value_and_gradients(composed, torch.float64, *inputs)
    actual = value_and_gradients(ops.represent_first_factored, dtype, *inputs)
    for one, other in zip(actual, expected, strict=True):
        assert one.dtype == dtype
        limit = TOLERANCE[dtype] * other.abs().max().item()
        assert_close(one.double(), other, rtol=0, atol=limit)


@positions
def test_finite_differences(with_positions):
    rows, index, position_rows, offsets = example(2, lengths=(2, 4, 3), distinct=5)
    leaves = [rows.requires_grad_()] + [position_rows.requires_grad_()] * with_positions

    def function(rows, position_rows=None):
        return ops.represent_first_factored(rows, index, position_rows, offsets)

    assert torch.autograd.gradcheck(function, leaves)


@positions
def test_repeats_bit_for_bit(with_positions):
    rows, index, position_rows, offsets = example(60)
    inputs = (rows, index, position_rows if with_positions else None, offsets)
    runs = [
        value_and_gradients(ops.represent_first_factored, torch.float32, *inputs) for _ in range(2)
    ]
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


@positions
def test_no_embeddings_are_kept_for_the_backward_pass(with_positions):
    hidden = 3
    rows, index, position_rows, offsets = example(hidden)
    rows.requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        ops.represent_first_factored(
            rows, index, position_rows if with_positions else None, offsets
        )
    assert kept
    assert all(tensor.shape != (len(index), hidden) for tensor in kept)


@positions
def test_singular_texts_are_finite_and_zero_where_due(with_positions):
    """A single token; a text whose other tokens are all zero; a zero column."""
    offsets = torch.tensor([0, 1, 4, 6])
    index = torch.tensor([0, 0, 1, 1, 0, 2])
    rows = torch.tensor([[1.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    position_rows = torch.zeros(3, 2) if with_positions else None
    real, imag, *gradients = value_and_gradients(
        ops.represent_first_factored, torch.float32, rows, index, position_rows, offsets
    )
    assert_close(real, torch.tensor([[1.0, 0.0]] * 3))
    assert_close(imag, torch.tensor([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0]]))
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert torch.equal(gradients[0][1], torch.zeros(2))


def test_one_token_far_larger_than_the_rest():
    """`[CLS]` itself, or another token: neither may cost the others their digits."""
    rows, index, position_rows, offsets = example(5)
    for row in (0, 4):
        scaled = rows.clone()
        scaled[row] *= 1e4
        scaled = scaled.float().double()
        inputs = (scaled, index, position_rows, offsets)
        expected = value_and_gradients(composed, torch.float64, *inputs)
        actual = value_and_gradients(ops.represent_first_factored, torch.float32, *inputs)
        for one, other in zip(actual, expected, strict=True):
            assert_close(one.double(), other, rtol=1e-5, atol=1e-5 * other.abs().mean().item())


def test_too_few_positions_are_refused():
    rows, index, position_rows, offsets = example(2)
    with pytest.raises(ValueError, match="a text of 63 tokens needs more than 62 positions"):
        ops.represent_first_factored(rows, index, position_rows[:62], offsets)
