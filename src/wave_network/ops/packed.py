"""Sums over the texts of a packed batch, in a fixed order.

A *packed batch* concatenates the tokens of all texts: `values` has shape `(tokens, hidden)`.
`offsets`, of shape `(texts + 1,)` and type int64, says where the texts are: text `t` has the rows
`offsets[t]` up to, but not including, `offsets[t + 1]`. `offsets` starts at 0, ends at the number
of tokens, and no text is empty. This is not checked, because a check would stall an accelerator.

Every sum is an embedding bag: one thread sums one text in the order of its tokens. So the same
input gives bit-identical results, alone or in any batch.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn import functional as F

# This many elements, with a few temporaries of the same size, fit into a CPU's cache.
_BLOCK_ELEMENTS = 2**19


def segment_sum(values: Tensor, offsets: Tensor) -> Tensor:
    """Sum the tokens of each text.

    Args:
        values: `(tokens, hidden)`, float32 or float64.
        offsets: `(texts + 1,)`, int64.

    Returns:
        `(texts, hidden)`, the dtype of `values`. Differentiable any number of times.
    """
    result: Tensor = _SegmentSum.apply(values, offsets)  # type: ignore[no-untyped-call]
    return result


def leave_one_out_sum(values: Tensor, offsets: Tensor) -> Tensor:
    """For each token, sum the *other* tokens of its text.

    No digits are lost when one token is far larger than the rest, because a token that dominates
    the sum is never subtracted from it. The result for a single token is exactly 0.

    Args:
        values: `(tokens, hidden)`, float32 or float64, of any sign.
        offsets: `(texts + 1,)`, int64.

    Returns:
        `(tokens, hidden)`, the dtype of `values`. Differentiable any number of times.
    """
    result: Tensor = _LeaveOneOutSum.apply(values, offsets)  # type: ignore[no-untyped-call]
    return result


class _SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(offsets)
        return sum_texts(values, offsets)

    @staticmethod
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        (offsets,) = saved(ctx)
        return to_tokens(grad, offsets), None


class _LeaveOneOutSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(offsets)
        result = torch.empty_like(values)
        for tokens, bounds in text_blocks(values, offsets):
            result[tokens] = sum_others(values[tokens], bounds)
        return result

    @staticmethod
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        # The sum over the others is a symmetric linear map: it is its own transpose.
        (offsets,) = saved(ctx)
        return leave_one_out_sum(grad, offsets), None


def text_blocks(values: Tensor, offsets: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Split a batch between texts into blocks that fit a CPU's cache; on a GPU, one block.

    Yields:
        The tokens of a block, and the offsets of its texts within it.
    """
    if values.device.type != "cpu":
        yield slice(None), offsets
        return
    limit = _BLOCK_ELEMENTS // values.shape[1]  # tokens
    bounds = offsets.tolist()
    begin = 0
    for end in range(1, len(bounds)):
        if end == len(bounds) - 1 or bounds[end + 1] - bounds[begin] > limit:
            yield slice(bounds[begin], bounds[end]), offsets[begin : end + 1] - bounds[begin]
            begin = end


def sum_texts(values: Tensor, offsets: Tensor) -> Tensor:
    """`segment_sum` outside of autograd."""
    return sum_bags(values, torch.arange(len(values), device=values.device), offsets)


def sum_others(values: Tensor, offsets: Tensor, *, signed: bool = True) -> Tensor:
    """`leave_one_out_sum` outside of autograd; `signed=False` is faster if no value is negative.

    The total minus a value is accurate unless that value outweighs all the others of its text
    together. At most one token can; the sum for it is computed again without it.
    """
    others = to_tokens(sum_texts(values, offsets), offsets).sub_(values)  # (tokens, hidden)
    if signed:
        size = values.abs()
        size_of_others = to_tokens(sum_texts(size, offsets), offsets).sub_(size)
    else:
        size, size_of_others = values, others
    # 0 where a value dominates, else 1. As numbers: masks are much slower on a CPU.
    modest = torch.le(size, size_of_others, out=torch.empty_like(values))
    rest = to_tokens(sum_texts(values * modest, offsets), offsets)
    return torch.lerp(rest, others, modest)


def sum_bags(rows: Tensor, index: Tensor, bounds: Tensor) -> Tensor:
    """Sum `rows[index]` between successive bounds: `(len(bounds) - 1, hidden)`."""
    return F.embedding_bag(index, rows, bounds, mode="sum", include_last_offset=True)


def sum_all_but_first(rows: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
    """Sum `rows[index]` over each text without its first token: `(texts, hidden)`."""
    first = offsets[:-1]
    # Every text gives two bags: its first token, and the others.
    bounds = torch.cat([torch.stack([first, first + 1], dim=1).flatten(), offsets[-1:]])
    return sum_bags(rows, index, bounds)[1::2]


def sum_by(key: Tensor, size: int, rows: Tensor, index: Tensor) -> Tensor:
    """Sum `rows[index]` over equal keys: `(size, hidden)`; the key `size` is left out."""
    key, order = key.sort(stable=True)
    bounds = torch.searchsorted(key, torch.arange(size + 2, device=key.device))
    return sum_bags(rows, index[order], bounds)[:size]


def add_rows_(target: Tensor, index: Tensor, rows: Tensor) -> None:
    """Compute `target[index] += rows`, in a fixed order for repeated indices.

    `index_add_` alone has no fixed order on a GPU.
    """
    index, key = torch.unique(index, return_inverse=True)
    order = torch.arange(len(rows), device=rows.device)
    target.index_add_(0, index, sum_by(key, len(index), rows, order))


def to_tokens(rows: Tensor, offsets: Tensor) -> Tensor:
    """Repeat the row of each text for all its tokens: `(tokens, hidden)`."""
    return rows.index_select(0, text_of_token(offsets))


def text_of_token(offsets: Tensor) -> Tensor:
    """Return the number of each token's text: `(tokens,)`, int64."""
    return torch.repeat_interleave(offsets.diff())


def saved(ctx: BackwardCFunction) -> tuple[Tensor, ...]:
    """Return the saved tensors, with their type."""
    return ctx.saved_tensors
