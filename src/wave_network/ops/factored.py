"""The wave of each text's first token, computed from a lookup table: the fast path of training.

`represent_first` needs the embeddings only to sum their squares. So they are not stored for the
backward pass, which looks them up again.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable

from wave_network.ops.packed import (
    add_rows_,
    saved,
    sum_all_but_first,
    sum_by,
    text_of_token,
    to_tokens,
)
from wave_network.ops.real import Wave, divide

# With fewer elements the whole batch fits into the processor's cache.
_SMALL_BATCH = 2**20


def represent_first_factored(
    token_rows: Tensor, token_index: Tensor, position_rows: Tensor | None, offsets: Tensor
) -> Wave:
    """Compute `represent_first` of looked-up embeddings, without storing them.

    The embedding of a token is `token_rows[token_index] + position_rows[position]`. Positions count
    from 0 within each text.

    Args:
        token_rows: `(distinct, hidden)`, float32 or float64: a row for each distinct token.
        token_index: `(tokens,)`, int64: the row of each token.
        position_rows: `(positions, hidden)` with at least as many rows as the longest text has
            tokens, or None for no positions.
        offsets: `(texts + 1,)`, int64.

    Returns:
        Two tensors of shape `(texts, hidden)`, the dtype of `token_rows`. Gradients flow to
        `token_rows` and `position_rows`.

    Raises:
        ValueError: If a text is longer than `position_rows`.
    """
    if position_rows is None:
        return Wave(*_Lookup.apply(token_rows, token_index, offsets))  # type: ignore[no-untyped-call]
    longest = int(offsets.diff().max())
    if longest > len(position_rows):
        raise ValueError(
            f"a text of {longest} tokens needs more than {len(position_rows)} positions"
        )
    return Wave(
        *_LookupPositions.apply(  # type: ignore[no-untyped-call]
            token_rows, token_index, position_rows, offsets
        )
    )


class _Lookup(torch.autograd.Function):
    """Without positions, forward and backward are sums over bags of (squared) table rows."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, token_rows: Tensor, token_index: Tensor, offsets: Tensor
    ) -> tuple[Tensor, Tensor]:
        context = sum_all_but_first(token_rows.square(), token_index, offsets).sqrt_()
        ctx.save_for_backward(token_rows, token_index, offsets, context)
        return token_rows.index_select(0, token_index[offsets[:-1]]), context

    @staticmethod
    @once_differentiable
    def backward(
        ctx: BackwardCFunction, grad_real: Tensor, grad_imag: Tensor
    ) -> tuple[Tensor, None, None]:
        token_rows, token_index, offsets, context = saved(ctx)
        first, distinct = offsets[:-1], len(token_rows)
        key = token_index.index_fill(0, first, distinct)  # leaves out the first tokens
        scale = divide(grad_imag, context)
        grad = sum_by(key, distinct, scale, text_of_token(offsets)).mul_(token_rows)
        add_rows_(grad, token_index[first], grad_real)
        return grad, None, None


class _LookupPositions(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        token_rows: Tensor,
        token_index: Tensor,
        position_rows: Tensor,
        offsets: Tensor,
    ) -> tuple[Tensor, Tensor]:
        energy = _energy_by_text if _by_text(token_rows, token_index) else _energy_at_once
        context = energy(token_rows, token_index, position_rows, offsets).sqrt_()
        ctx.save_for_backward(token_rows, token_index, position_rows, offsets, context)
        first = token_rows.index_select(0, token_index[offsets[:-1]])
        return first.add_(position_rows[0]), context

    @staticmethod
    @once_differentiable
    def backward(
        ctx: BackwardCFunction, grad_real: Tensor, grad_imag: Tensor
    ) -> tuple[Tensor, None, Tensor, None]:
        token_rows, token_index, position_rows, offsets, context = saved(ctx)
        scale = divide(grad_imag, context)
        gradients = _gradients_by_text if _by_text(token_rows, token_index) else _gradients_at_once
        grad_tokens, grad_positions = gradients(
            token_rows, token_index, position_rows, offsets, scale
        )
        add_rows_(grad_tokens, token_index[offsets[:-1]], grad_real)
        grad_positions[0] = grad_real.sum(dim=0)
        return grad_tokens, None, grad_positions, None


def _by_text(token_rows: Tensor, token_index: Tensor) -> bool:
    """Whether one text at a time is faster: on a CPU, if the batch exceeds its cache."""
    elements = len(token_index) * token_rows.shape[1]
    return token_rows.device.type == "cpu" and elements > _SMALL_BATCH


def _energy_by_text(
    token_rows: Tensor, token_index: Tensor, position_rows: Tensor, offsets: Tensor
) -> Tensor:
    energy = token_rows.new_empty(len(offsets) - 1, token_rows.shape[1])
    for text, index in enumerate(_rest_of_texts(token_index, offsets)):
        embeddings = token_rows.index_select(0, index).add_(position_rows[1 : len(index) + 1])
        torch.sum(embeddings.square_(), dim=0, out=energy[text])
    return energy


def _gradients_by_text(
    token_rows: Tensor, token_index: Tensor, position_rows: Tensor, offsets: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    grad_tokens, grad_positions = torch.zeros_like(token_rows), torch.zeros_like(position_rows)
    for text, index in enumerate(_rest_of_texts(token_index, offsets)):
        positions = slice(1, len(index) + 1)
        grad = token_rows.index_select(0, index).add_(position_rows[positions]).mul_(scale[text])
        grad_positions[positions] += grad
        grad_tokens.index_add_(0, index, grad)
    return grad_tokens, grad_positions


def _rest_of_texts(token_index: Tensor, offsets: Tensor) -> Iterator[Tensor]:
    """Yield the tokens of each text except its first."""
    for start, stop in pairwise(offsets.tolist()):
        yield token_index[start + 1 : stop]


def _energy_at_once(
    token_rows: Tensor, token_index: Tensor, position_rows: Tensor, offsets: Tensor
) -> Tensor:
    position = _positions(offsets)
    embeddings = token_rows.index_select(0, token_index)
    embeddings += position_rows.index_select(0, position)
    tokens = torch.arange(len(embeddings), device=embeddings.device)
    return sum_all_but_first(embeddings.square_(), tokens, offsets)


def _gradients_at_once(
    token_rows: Tensor, token_index: Tensor, position_rows: Tensor, offsets: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    position = _positions(offsets)
    grad = token_rows.index_select(0, token_index)
    grad += position_rows.index_select(0, position)
    grad *= to_tokens(scale, offsets)
    tokens = torch.arange(len(grad), device=grad.device)
    token_key = token_index.index_fill(0, offsets[:-1], len(token_rows))  # all but first tokens
    return (
        sum_by(token_key, len(token_rows), grad, tokens),
        sum_by(position, len(position_rows), grad, tokens),
    )


def _positions(offsets: Tensor) -> Tensor:
    """Return the position of each token within its text: `(tokens,)`."""
    text = text_of_token(offsets)
    return torch.arange(len(text), device=text.device) - offsets[text]
