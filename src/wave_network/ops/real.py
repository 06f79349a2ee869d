"""The wave operations in closed real form, on packed batches: the fast path.

A wave is a pair of real tensors. With `w` the embeddings of one text and everything per dimension,

    Z_j = G exp(i alpha_j) = w_j + i C_j,   C_j = sqrt(sum_{i != j} w_i^2),

so neither complex numbers nor trigonometry are needed (arXiv 2411.02674v4, Fig. 4). The backward
passes are exact and finite everywhere; where `C_j = 0` the imaginary part has no derivative and the
minimum-norm subgradient 0 is used. `README.md` beside this file derives all of it.

A *packed batch* is `values` of shape `(tokens, hidden)`, the tokens of all texts one after another,
and `offsets` of shape `(texts + 1,)`, int64: text `t` owns the rows `offsets[t]` up to, but not
including, `offsets[t + 1]`. `offsets` starts at 0, ends at the number of tokens, and no text is
empty. There is no padding, so a text's result cannot depend on its batch. With the offsets of
sentences instead of texts the same functions give the sentence level (Fig. 6a).

Sums run in a fixed order: the same input gives bit-identical results.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable
from torch.nn import functional as F


class Wave(NamedTuple):
    """A complex wave as two real tensors of one shape."""

    real: Tensor
    imag: Tensor


def segment_sum(values: Tensor, offsets: Tensor) -> Tensor:
    """Sum the tokens of each text.

    Args:
        values: `(tokens, hidden)`, floating point.
        offsets: `(texts + 1,)`, int64.

    Returns:
        `(texts, hidden)`, the dtype of `values`. Differentiable any number of times.
    """
    result: Tensor = _SegmentSum.apply(values, offsets)
    return result


def leave_one_out_sum(values: Tensor, offsets: Tensor) -> Tensor:
    """For each token, sum the *other* tokens of its text.

    Never subtracts a token that dominates the sum, so no digits are lost when one token is far
    larger than the rest; exactly 0 for a single token.

    Args:
        values: `(tokens, hidden)`, floating point, of any sign.
        offsets: `(texts + 1,)`, int64.

    Returns:
        `(tokens, hidden)`, the dtype of `values`. Differentiable any number of times.
    """
    result: Tensor = _LeaveOneOutSum.apply(values, offsets)
    return result


def global_semantics(embeddings: Tensor, offsets: Tensor) -> Tensor:
    """The global semantics `G = sqrt(sum_i w_i^2)` of each text (section 3.1.1).

    Args:
        embeddings: `(tokens, hidden)`, floating point.
        offsets: `(texts + 1,)`, int64; of sentences for sentence-level semantics.

    Returns:
        `(texts, hidden)`, the dtype of `embeddings`. The gradient of a zero column is 0.
    """
    result: Tensor = _GlobalSemantics.apply(embeddings, offsets)
    return result


def represent(embeddings: Tensor, offsets: Tensor) -> Wave:
    """The complex vector token representation `Z_j = w_j + i C_j` of every token (Fig. 4).

    Args:
        embeddings: `(tokens, hidden)`, floating point.
        offsets: `(texts + 1,)`, int64; of sentences for sentence-level waves.

    Returns:
        Two tensors of shape `(tokens, hidden)`, the dtype of `embeddings`.
    """
    return Wave(embeddings, _Context.apply(embeddings, offsets))


def represent_first(embeddings: Tensor, offsets: Tensor) -> Wave:
    """The representation of the first token of each text alone: `[CLS]`.

    Equal to the first rows of `represent`, at a fraction of its cost.

    Args:
        embeddings: `(tokens, hidden)`, floating point.
        offsets: `(texts + 1,)`, int64.

    Returns:
        Two tensors of shape `(texts, hidden)`, the dtype of `embeddings`.
    """
    return Wave(*_First.apply(embeddings, offsets))


def represent_first_factored(
    token_rows: Tensor, token_index: Tensor, position_rows: Tensor | None, offsets: Tensor
) -> Wave:
    """`represent_first` of embeddings that are looked up, without materialising them.

    The embedding of a token is `token_rows[token_index] + position_rows[position]`, its position
    counted from 0 within its text.

    Args:
        token_rows: `(distinct, hidden)`, floating point: a row for each distinct token.
        token_index: `(tokens,)`, int64: the row of each token.
        position_rows: `(positions, hidden)` with at least as many rows as the longest text has
            tokens, or None for no positions.
        offsets: `(texts + 1,)`, int64.

    Returns:
        Two tensors of shape `(texts, hidden)`, the dtype of `token_rows`. Gradients flow to
        `token_rows` and `position_rows`.
    """
    if position_rows is None:
        return Wave(*_FirstFactored.apply(token_rows, token_index, offsets))
    return Wave(*_FirstFactoredPositions.apply(token_rows, token_index, position_rows, offsets))


def interfere(first: Wave, second: Wave) -> Wave:
    """Interference `Z + Z'` (section 3.2.1, Eqs. 3-4).

    Args:
        first: One variant's wave.
        second: The other's, of the same shape.

    Returns:
        A wave of that shape.
    """
    return Wave(first.real + second.real, first.imag + second.imag)


def modulate(first: Wave, second: Wave) -> Wave:
    """Modulation `Z Z'` (section 3.2.2, Eqs. 6-7).

    Args:
        first: One variant's wave.
        second: The other's, of the same shape.

    Returns:
        A wave of that shape.
    """
    return Wave(
        first.real * second.real - first.imag * second.imag,
        first.real * second.imag + second.real * first.imag,
    )


def interference_term(first: Wave, second: Wave) -> Tensor:
    """What interference adds to the energies: `2 Re(Z conj(Z'))` (section 3.2.1, Eq. 5).

    Args:
        first: One variant's wave.
        second: The other's, of the same shape.

    Returns:
        `|Z + Z'|^2 - |Z|^2 - |Z'|^2`, a tensor of that shape.
    """
    return 2 * (first.real * second.real + first.imag * second.imag)


def magnitude(wave: Wave) -> Tensor:
    """`|Z|`; its gradient is 0 where the wave is 0.

    Args:
        wave: Any wave.

    Returns:
        A tensor of the wave's shape.
    """
    result: Tensor = torch.linalg.vector_norm(torch.stack(wave), dim=0)
    return result


def phase(wave: Wave) -> Tensor:
    """The argument of `Z`: in `[0, pi]` for a representation, as its imaginary part is not negative.

    Args:
        wave: Any wave.

    Returns:
        A tensor of the wave's shape; 0 where the wave is 0.
    """
    return torch.atan2(wave.imag, wave.real)


class _SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(offsets)
        return _bag_sum(values, offsets)

    @staticmethod
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        (offsets,) = ctx.saved_tensors
        return grad[_text_of_token(offsets)], None


class _LeaveOneOutSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(offsets)
        return _leave_one_out(values, offsets)

    @staticmethod
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        # The sum over the others is a symmetric linear map.
        (offsets,) = ctx.saved_tensors
        return leave_one_out_sum(grad, offsets), None


class _GlobalSemantics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, offsets: Tensor) -> Tensor:
        norm = _bag_sum(embeddings.square(), offsets).sqrt_()
        ctx.save_for_backward(embeddings, norm, offsets)
        return norm

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        embeddings, norm, offsets = ctx.saved_tensors
        return embeddings * _divide(grad, norm)[_text_of_token(offsets)], None


class _Context(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, offsets: Tensor) -> Tensor:
        context = _leave_one_out(embeddings.square(), offsets).sqrt_()
        ctx.save_for_backward(embeddings, context, offsets)
        return context

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        embeddings, context, offsets = ctx.saved_tensors
        return _leave_one_out(_divide(grad, context), offsets).mul_(embeddings), None


class _First(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        index = torch.arange(len(embeddings), device=embeddings.device)
        context = _rest_sum(embeddings.square(), index, offsets).sqrt_()
        ctx.save_for_backward(embeddings, context, offsets)
        return embeddings[offsets[:-1]], context

    @staticmethod
    @once_differentiable
    def backward(
        ctx: BackwardCFunction, grad_real: Tensor, grad_imag: Tensor
    ) -> tuple[Tensor, None]:
        embeddings, context, offsets = ctx.saved_tensors
        grad = embeddings * _divide(grad_imag, context)[_text_of_token(offsets)]
        grad[offsets[:-1]] = grad_real
        return grad, None


class _FirstFactored(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, token_rows: Tensor, token_index: Tensor, offsets: Tensor
    ) -> tuple[Tensor, Tensor]:
        context = _rest_sum(token_rows.square(), token_index, offsets).sqrt_()
        ctx.save_for_backward(token_rows, context, token_index, offsets)
        return token_rows[token_index[offsets[:-1]]], context

    @staticmethod
    @once_differentiable
    def backward(
        ctx: BackwardCFunction, grad_real: Tensor, grad_imag: Tensor
    ) -> tuple[Tensor, None, None]:
        token_rows, context, token_index, offsets = ctx.saved_tensors
        text, first = _text_of_token(offsets), offsets[:-1]
        rest = _all_but(first, len(token_index))
        scale = _divide(grad_imag, context)
        grad = _sum_by(token_index[rest], len(token_rows), scale, text[rest]).mul_(token_rows)
        _add_rows_(grad, token_index[first], grad_real)
        return grad, None, None


class _FirstFactoredPositions(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        token_rows: Tensor,
        token_index: Tensor,
        position_rows: Tensor,
        offsets: Tensor,
    ) -> tuple[Tensor, Tensor]:
        text = _text_of_token(offsets)
        position = torch.arange(len(token_index), device=text.device) - offsets[text]
        embeddings = token_rows[token_index] + position_rows[position]
        index = torch.arange(len(embeddings), device=embeddings.device)
        context = _rest_sum(embeddings.square(), index, offsets).sqrt_()
        ctx.save_for_backward(token_rows, position_rows, context, token_index, offsets)
        return embeddings[offsets[:-1]], context

    @staticmethod
    @once_differentiable
    def backward(
        ctx: BackwardCFunction, grad_real: Tensor, grad_imag: Tensor
    ) -> tuple[Tensor, None, Tensor, None]:
        token_rows, position_rows, context, token_index, offsets = ctx.saved_tensors
        text = _text_of_token(offsets)
        index = torch.arange(len(token_index), device=text.device)
        position = index - offsets[text]
        grad = token_rows[token_index] + position_rows[position]
        grad *= _divide(grad_imag, context)[text]
        grad[offsets[:-1]] = grad_real
        return (
            _sum_by(token_index, len(token_rows), grad, index),
            None,
            _sum_by(position, len(position_rows), grad, index),
            None,
        )


def _bag_sum(values: Tensor, offsets: Tensor) -> Tensor:
    index = torch.arange(len(values), device=values.device)
    return F.embedding_bag(index, values, offsets, mode="sum", include_last_offset=True)


def _rest_sum(rows: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
    """Sum `rows[index]` over each text but its first token: `(texts, hidden)`."""
    first = offsets[:-1]
    # Every text is two bags, its first token and the others.
    bounds = torch.cat([torch.stack([first, first + 1], dim=1).flatten(), offsets[-1:]])
    return F.embedding_bag(index, rows, bounds, mode="sum", include_last_offset=True)[1::2]


def _sum_by(key: Tensor, size: int, rows: Tensor, index: Tensor) -> Tensor:
    """Sum `rows[index]` over equal keys: `(size, hidden)`."""
    order = key.argsort(stable=True)
    bounds = F.pad(torch.bincount(key, minlength=size).cumsum(0), (1, 0))
    return F.embedding_bag(index[order], rows, bounds, mode="sum", include_last_offset=True)


def _add_rows_(target: Tensor, index: Tensor, rows: Tensor) -> None:
    """`target[index] += rows` in a fixed order where indices repeat."""
    distinct, key = index.unique(return_inverse=True)
    target[distinct] += _sum_by(
        key, len(distinct), rows, torch.arange(len(rows), device=rows.device)
    )


def _leave_one_out(values: Tensor, offsets: Tensor) -> Tensor:
    text = _text_of_token(offsets)
    size = values.abs()
    # At most one token can outweigh all the others of its text together.
    dominant = size > _bag_sum(size, offsets)[text] - size
    rest = _bag_sum(values.masked_fill(dominant, 0), offsets)[text]
    return torch.where(dominant, rest, _bag_sum(values, offsets)[text] - values)


def _divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient, and 0 where the denominator is 0."""
    return (numerator / denominator).masked_fill_(denominator == 0, 0)


def _text_of_token(offsets: Tensor) -> Tensor:
    return torch.repeat_interleave(offsets.diff())


def _all_but(index: Tensor, size: int) -> Tensor:
    mask = torch.ones(size, dtype=torch.bool, device=index.device)
    mask[index] = False
    return mask.nonzero().squeeze(1)
