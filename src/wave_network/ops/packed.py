"""Sums over the texts of a packed batch, in a fixed order.

A *packed batch* is `values` of shape `(tokens, hidden)`, the tokens of all texts one after another,
and `offsets` of shape `(texts + 1,)`, int64: text `t` owns the rows `offsets[t]` up to, but not
including, `offsets[t + 1]`. `offsets` starts at 0, ends at the number of tokens, and no text is
empty; this is not checked, as on an accelerator a check would stall it.

Every sum is an embedding bag: one thread adds up one text in the order of its tokens. So the same
input gives bit-identical results, alone or in any batch.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn import functional as F

# So many elements, and the few temporaries of their size, stay in a CPU's cache.
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

    Never subtracts a token that dominates the sum, so no digits are lost when one token is far
    larger than the rest; exactly 0 for a single token.

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
    """Cut a batch between texts into blocks that a CPU's cache holds; elsewhere into one block.

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
    """`leave_one_out_sum` outside of autograd; `signed=False` is quicker where no value is below 0.

    The total minus a value is accurate unless that value outweighs all the others of its text
    together. At most one token can; its sum is taken afresh, with it left out.
    """
    others = to_tokens(sum_texts(values, offsets), offsets).sub_(values)  # (tokens, hidden)
    if signed:
        size = values.abs()
        size_of_others = to_tokens(sum_texts(size, offsets), offsets).sub_(size)
    else:
        size, size_of_others = values, others
    # 0 where a value dominates, else 1: as numbers, since masks take a CPU far longer.
    modest = torch.le(size, size_of_others, out=torch.empty_like(values))
    rest = to_tokens(sum_texts(values * modest, offsets), offsets)
    return torch.lerp(rest, others, modest)


def sum_bags(rows: Tensor, index: Tensor, bounds: Tensor) -> Tensor:
    """Sum `rows[index]` between successive bounds: `(len(bounds) - 1, hidden)`."""
    return F.embedding_bag(index, rows, bounds, mode="sum", include_last_offset=True)


def sum_all_but_first(rows: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
    """Sum `rows[index]` over each text without its first token: `(texts, hidden)`."""
    first = offsets[:-1]
    # Every text makes two bags: its first token, and the others.
    bounds = torch.cat([torch.stack([first, first + 1], dim=1).flatten(), offsets[-1:]])
    return sum_bags(rows, index, bounds)[1::2]


def sum_by(key: Tensor, size: int, rows: Tensor, index: Tensor) -> Tensor:
    """Sum `rows[index]` over equal keys: `(size, hidden)`; what has the key `size` is left out."""
    key, order = key.sort(stable=True)
    bounds = torch.searchsorted(key, torch.arange(size + 2, device=key.device))
    return sum_bags(rows, index[order], bounds)[:size]


def add_rows_(target: Tensor, index: Tensor, rows: Tensor) -> None:
    """`target[index] += rows`, in a fixed order where an index repeats.

    On a GPU `index_add_` alone has none.
    """
    index, key = torch.unique(index, return_inverse=True)
    order = torch.arange(len(rows), device=rows.device)
    target.index_add_(0, index, sum_by(key, len(index), rows, order))


def to_tokens(rows: Tensor, offsets: Tensor) -> Tensor:
    """Repeat the row of each text for all its tokens: `(tokens, hidden)`."""
    return rows.index_select(0, text_of_token(offsets))


def text_of_token(offsets: Tensor) -> Tensor:
    """The text that each token belongs to: `(tokens,)`, int64."""
    return torch.repeat_interleave(offsets.diff())


def saved(ctx: BackwardCFunction) -> tuple[Tensor, ...]:
    """The saved tensors, typed as what they are."""
    return ctx.saved_tensors
