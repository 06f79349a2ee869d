"""Sums over the texts of a packed batch."""

import pytest
import torch
from torch.testing import assert_close

from wave_network import ops
from wave_network.ops import packed

LENGTHS = [1, 2, 3, 7, 63, 1]


def batch(hidden=5, dtype=torch.float64, seed=0):
    offsets = torch.tensor([0, *LENGTHS]).cumsum(0)
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(int(offsets[-1]), hidden, generator=generator, dtype=torch.float64)
    return values.to(dtype), offsets


def sums_of_others(values):
    return torch.stack(
        [torch.cat([values[:row], values[row + 1 :]]).sum(0) for row in range(len(values))]
    )


@pytest.fixture(params=[1, 2**30], ids=["many blocks", "one block"])
def _blocks(request, monkeypatch):
    monkeypatch.setattr(packed, "_BLOCK_ELEMENTS", request.param)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_segment_sum(dtype):
    values, offsets = batch(dtype=dtype)
    expected = torch.stack([text.sum(0) for text in values.split(LENGTHS)])
    assert_close(ops.segment_sum(values, offsets), expected)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_leave_one_out_sum(dtype):
    values, offsets = batch(dtype=dtype)
    expected = torch.cat([sums_of_others(text) for text in values.split(LENGTHS)])
    assert_close(ops.leave_one_out_sum(values, offsets), expected)


@pytest.mark.parametrize("function", [ops.segment_sum, ops.leave_one_out_sum])
def test_gradients_of_sums(function):
    values = batch(hidden=2)[0].requires_grad_()
    inputs = (values[:13], torch.tensor([0, 1, 3, 6, 13]))
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def test_columns_of_a_larger_tensor():
    values, offsets = batch(hidden=6)
    for function in (ops.segment_sum, ops.leave_one_out_sum):
        whole = function(values, offsets)
        assert_close(function(values[:, ::2], offsets), whole[:, ::2])


@pytest.mark.parametrize("ratio", [1e4, 1e6, 1e8])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("row", [0, 3, 6])
def test_no_digits_are_lost_beside_a_dominant_token(ratio, sign, row):
    values = torch.rand(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values[row] = sign * ratio
    values = values.float()
    result = ops.leave_one_out_sum(values, torch.tensor([0, 7]))
    assert_close(result, sums_of_others(values.double()).float(), rtol=1e-6, atol=0)


def test_two_dominant_tokens_of_opposite_sign():
    values = torch.tensor([[1e8], [-1e8], [1.0], [2.0]])
    result = ops.leave_one_out_sum(values, torch.tensor([0, 4]))
    # Their sum cancels by itself: what is promised is 1e-7 of the terms that are summed.
    assert_close(result, torch.tensor([[-1e8], [1e8], [2.0], [1.0]]), rtol=1e-6, atol=20.0)


def test_a_single_token_has_no_others():
    values = torch.tensor([[3.7, -0.1, 0.0, 1e30, 1e-45]])
    assert torch.equal(ops.leave_one_out_sum(values, torch.tensor([0, 1])), torch.zeros(1, 5))


def test_only_one_row_is_not_zero():
    values = torch.zeros(3, 2)
    values[1] = torch.tensor([0.3, -7.1])
    others = ops.leave_one_out_sum(values, torch.tensor([0, 3]))
    assert torch.equal(others[1], torch.zeros(2))
    assert torch.equal(others[0], values[1])


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("function", [ops.segment_sum, ops.leave_one_out_sum])
def test_a_text_has_the_same_bits_alone_and_in_a_batch(function):
    values, offsets = batch(dtype=torch.float32)
    whole = function(values, offsets)
    alone = [function(text, torch.tensor([0, len(text)])) for text in values.split(LENGTHS)]
    assert torch.equal(whole, torch.cat(alone))
