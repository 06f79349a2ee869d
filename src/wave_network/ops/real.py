"""The wave operations in closed real form, on packed batches: the fast path.

A wave is a pair of real tensors. Let `w` be the embeddings of one text, in one dimension. Then

    Z_j = G exp(i alpha_j) = w_j + i C_j,   C_j = sqrt(sum_{i != j} w_i^2),

so neither complex numbers nor trigonometry are needed (arXiv 2411.02674v4, Fig. 4). The backward
passes are exact and finite everywhere. Where `C_j = 0` the imaginary part has no derivative, and
the minimum-norm subgradient 0 is used. `README.md` in this folder derives all of this.

A packed batch (see `wave_network.ops.packed`) has no padding, so the result of a text cannot depend
on its batch. Pass the offsets of sentences instead of texts for the sentence level (Fig. 6a).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable

from wave_network.ops.packed import (
    saved,
    sum_all_but_first,
    sum_others,
    sum_texts,
    text_blocks,
    to_tokens,
)


class Wave(NamedTuple):
    """A complex wave as two real tensors of one shape."""

    real: Tensor
    imag: Tensor


def global_semantics(embeddings: Tensor, offsets: Tensor) -> Tensor:
    """The global semantics `G = sqrt(sum_i w_i^2)` of each text (section 3.1.1).

    Args:
        embeddings: `(tokens, hidden)`, float32 or float64.
        offsets: `(texts + 1,)`, int64; of sentences for sentence-level semantics.

    Returns:
        `(texts, hidden)`, the dtype of `embeddings`. The gradient of a zero column is 0.
    """
    result: Tensor = _GlobalSemantics.apply(embeddings, offsets)  # type: ignore[no-untyped-call]
    return result


def represent(embeddings: Tensor, offsets: Tensor) -> Wave:
    """The complex vector token representation `Z_j = w_j + i C_j` of every token (Fig. 4).

    Args:
        embeddings: `(tokens, hidden)`, float32 or float64.
        offsets: `(texts + 1,)`, int64; of sentences for sentence-level waves.

    Returns:
        Two tensors of shape `(tokens, hidden)`, the dtype of `embeddings`.
    """
    context: Tensor = _Context.apply(embeddings, offsets)  # type: ignore[no-untyped-call]
    return Wave(embeddings, context)


def represent_first(embeddings: Tensor, offsets: Tensor) -> Wave:
    """The representation of only the first token of each text, `[CLS]`.

    Equal to the first rows of `represent`, at a fraction of its cost.

    Args:
        embeddings: `(tokens, hidden)`, float32 or float64.
        offsets: `(texts + 1,)`, int64.

    Returns:
        Two tensors of shape `(texts, hidden)`, the dtype of `embeddings`.
    """
    return Wave(*_First.apply(embeddings, offsets))  # type: ignore[no-untyped-call]


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
    """The interference term of the energy, `2 Re(Z conj(Z'))` (section 3.2.1, Eq. 5).

    Args:
        first: One variant's wave.
        second: The other's, of the same shape.

    Returns:
        `|Z + Z'|^2 - |Z|^2 - |Z'|^2`, a tensor of that shape.
    """
    return 2 * (first.real * second.real + first.imag * second.imag)


def magnitude(wave: Wave) -> Tensor:
    """The magnitude `|Z|`; its gradient is 0 where the wave is 0.

    Args:
        wave: Any wave.

    Returns:
        A tensor of the wave's shape.
    """
    result: Tensor = _Magnitude.apply(*wave)  # type: ignore[no-untyped-call]
    return result


def phase(wave: Wave) -> Tensor:
    """The phase `alpha` of a wave (section 3.1.2): in `[0, pi]` for a representation.

    Args:
        wave: Any wave.

    Returns:
        A tensor of the wave's shape; 0 where the wave is 0.
    """
    return torch.atan2(wave.imag, wave.real + 0.0)  # -0.0 + 0.0 is 0.0: a zero wave's phase is 0


class _GlobalSemantics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, offsets: Tensor) -> Tensor:
        blocks = text_blocks(embeddings, offsets)
        energies = [sum_texts(embeddings[tokens].square(), bounds) for tokens, bounds in blocks]
        norm = torch.cat(energies).sqrt_()
        ctx.save_for_backward(embeddings, offsets, norm)
        return norm

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        embeddings, offsets, norm = saved(ctx)
        return to_tokens(divide(grad, norm), offsets).mul_(embeddings), None


class _Context(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, offsets: Tensor) -> Tensor:
        context = torch.empty_like(embeddings)
        for tokens, bounds in text_blocks(embeddings, offsets):
            energy = sum_others(embeddings[tokens].square(), bounds, signed=False)
            torch.sqrt(energy, out=context[tokens])
        ctx.save_for_backward(embeddings, offsets, context)
        return context

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, None]:
        embeddings, offsets, context = saved(ctx)
        result = torch.empty_like(embeddings)
        for tokens, bounds in text_blocks(embeddings, offsets):
            others = sum_others(divide(grad[tokens], context[tokens]), bounds)
            torch.mul(others, embeddings[tokens], out=result[tokens])
        return result, None


class _First(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        energies = []
        for tokens, bounds in text_blocks(embeddings, offsets):
            squares = embeddings[tokens].square()
            index = torch.arange(len(squares), device=squares.device)
            energies.append(sum_all_but_first(squares, index, bounds))
        context = torch.cat(energies).sqrt_()
        ctx.save_for_backward(embeddings, offsets, context)
        return embeddings.index_select(0, offsets[:-1]), context

    @staticmethod
    @once_differentiable
    def backward(
        ctx: BackwardCFunction, grad_real: Tensor, grad_imag: Tensor
    ) -> tuple[Tensor, None]:
        embeddings, offsets, context = saved(ctx)
        grad = to_tokens(divide(grad_imag, context), offsets).mul_(embeddings)
        return grad.index_copy_(0, offsets[:-1], grad_real), None


class _Magnitude(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, real: Tensor, imag: Tensor) -> Tensor:
        size = torch.hypot(real, imag)
        ctx.save_for_backward(real, imag, size)
        return size

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, Tensor]:
        real, imag, size = saved(ctx)
        scale = divide(grad, size)
        return scale * real, scale * imag


def divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide, with 0 where the denominator is 0: the subgradient of the root at 0."""
    # As numbers: a mask is much slower on a CPU.
    zero = torch.eq(denominator, 0, out=torch.empty_like(denominator))
    return (numerator / (denominator + zero)).mul_(1 - zero)
