"""Predictions from the closed form of the gradients, checked by automatic differentiation.

The derivation is ours (`ops/README.md`, "Gradients"). It is checked on the paper's own formulas in
complex arithmetic, whose gradients torch finds by itself, and on the fast path, whose backward
passes are written by hand. One text is a tensor `w` of shape (tokens, hidden).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from wave_network import ops
from wave_network.ops import Wave, naive

Coding: TypeAlias = Callable[[Tensor], Wave]
Operation: TypeAlias = Callable[[Wave, Wave], Wave]

TEXT_LENGTHS: Final = (2, 3, 8, 40)
HIDDEN: Final = 3


def fast_path(w: Tensor) -> Wave:
    """`ops.represent` of one text: two tensors of shape (tokens, hidden)."""
    return ops.represent(w, torch.tensor([0, len(w)], device=w.device))


def paper_formulas(w: Tensor) -> Wave:
    """`ops.naive.represent` of one text, as two tensors of shape (tokens, hidden)."""
    wave = naive.represent(w)
    return Wave(wave.real, wave.imag)


class Example(NamedTuple):
    """A random text in float64: two variants and the gradients that arrive at its waves.

    Attributes:
        u: First variant, (tokens, hidden).
        v: Second variant, of the same shape.
        a: Gradient of the loss by the wave's real part, of the same shape.
        b: By its imaginary part.
    """

    u: Tensor
    v: Tensor
    a: Tensor
    b: Tensor

    @classmethod
    def draw(cls, tokens: int) -> Example:
        """A text of so many tokens, always the same."""
        generator = torch.Generator().manual_seed(tokens)
        shape = (4, tokens, HIDDEN)
        return cls(*torch.randn(shape, generator=generator, dtype=torch.float64))


def partial_derivatives(represent: Coding, text: Example) -> float:
    """`dRe Z_j/dw_i` is 1 for i = j, else 0; `dIm Z_j/dw_i` is 0 for i = j, else `w_i / C_j`."""
    real, imag = _jacobians(represent, text.u)
    own = torch.eye(len(text.u), dtype=torch.float64).unsqueeze(2)  # (tokens, tokens, 1)
    expected = (1 - own) * text.u / context(text.u).unsqueeze(1)  # (j, i, hidden)
    return max(_deviation(real, own.expand_as(real)), _deviation(imag, expected))


def orthonormal_rows(represent: Coding, text: Example) -> float:
    """The rows `dRe Z_j/dw` and `dIm Z_j/dw` of every token are orthonormal."""
    rows = torch.stack(_jacobians(represent, text.u), dim=1)  # (j, 2, i, hidden)
    products = torch.einsum("jpik,jqik->jkpq", rows, rows)
    return _deviation(products, torch.eye(2, dtype=torch.float64).expand_as(products))


def bounded(represent: Coding, text: Example) -> float:
    """`|dIm Z_j/dw_i| = |w_i / C_j| <= 1`: what is above 1."""
    _, imag = _jacobians(represent, text.u)
    return max(float(imag.abs().max()) - 1, 0.0)


def common_factor(represent: Coding, text: Example) -> float:
    """The context gradient of `[CLS]` is `w_i` times one factor for all other tokens."""
    w = text.u.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(represent(w).imag[0], w, text.b[0])
    # Of two multiples of one vector the products across are equal.
    gradient, w = gradient[1:], w.detach()[1:]
    return _deviation(gradient * w[:1], gradient[:1] * w)


def energy_of_cls(represent: Coding, text: Example) -> float:
    """`[CLS]` gets a, the others share b^2 as `w_i^2 / C^2`: together `a^2 + b^2`."""
    w = text.u.clone().requires_grad_()
    wave = represent(w * 1)
    (gradient,) = torch.autograd.grad([wave.real[0], wave.imag[0]], w, [text.a[0], text.b[0]])
    shares = text.u**2 / context(text.u)[0] ** 2 * text.b[0] ** 2
    shares[0] = text.a[0] ** 2
    return max(
        _deviation(gradient**2, shares),
        _deviation((gradient**2).sum(0), text.a[0] ** 2 + text.b[0] ** 2),
    )


def energy_through_modulation(represent: Coding, text: Example) -> float:
    """Through modulation the energy arrives at u times `G'^2`, at v times `G^2`."""
    u, v, a, b = text
    found = _gradients(represent, ops.modulate, text, rows=slice(0, 1))
    energy = a[0] ** 2 + b[0] ** 2
    return max(
        _deviation((found[0] ** 2).sum(0), energy * (v**2).sum(0)),
        _deviation((found[1] ** 2).sum(0), energy * (u**2).sum(0)),
    )


def backward_of_interference(represent: Coding, text: Example) -> float:
    """`dL/du = a + u X(b / A)`, and v likewise; `X` sums over the other tokens."""
    u, v, a, b = text
    expected = (a + w * _others(b / context(w)) for w in (u, v))
    found = _gradients(represent, ops.interfere, text)
    return max(map(_deviation, found, expected))


def backward_of_modulation(represent: Coding, text: Example) -> float:
    """`dL/du = a v + b B + u X((b v - a B) / A)`, and v with the variants exchanged."""
    u, v, a, b = text
    expected = (
        a * other + b * context(other) + w * _others((b * other - a * context(other)) / context(w))
        for w, other in ((u, v), (v, u))
    )
    found = _gradients(represent, ops.modulate, text)
    return max(map(_deviation, found, expected))


def magnitude_of_modulation(represent: Coding, text: Example) -> float:
    """`|M_j| = G G'` for every token, and `d|M_j|/du_i = G' u_i / G`."""
    u, v, a, _ = text
    variants = [w.clone().requires_grad_() for w in (u, v)]
    size = ops.magnitude(ops.modulate(*map(represent, variants)))
    norms = [(w**2).sum(0).sqrt() for w in (u, v)]
    (gradient,) = torch.autograd.grad(size, variants[0], a)
    return max(
        _deviation(size.detach(), (norms[0] * norms[1]).expand_as(size)),
        _deviation(gradient, a.sum(0) * norms[1] * u / norms[0]),
    )


def contexts_never_cancel(represent: Coding, text: Example) -> float:
    """`|I_j| >= A_j + B_j`: what is missing, relative to the largest."""
    size = ops.magnitude(ops.interfere(represent(text.u), represent(text.v)))
    least = context(text.u) + context(text.v)
    return max(float(((least - size) / least.max()).max()), 0.0)


Check: TypeAlias = Callable[[Coding, Example], float]

PREDICTIONS: Final[dict[str, Check]] = {
    "partial derivatives: 1 and 0; 0 and w_i/C_j": partial_derivatives,
    "each token's two gradient rows are orthonormal": orthonormal_rows,
    "no entry is above 1: |w_i/C_j| ≤ 1 (excess)": bounded,
    "[CLS]: its own a², the others b² w_i²/C², together a² + b²": energy_of_cls,
    "[CLS]: the context gradient is w times one common factor": common_factor,
    "modulation: that energy times G'² into u, times G² into v": energy_through_modulation,
    "interference: dL/du = a + u X(b/A)": backward_of_interference,
    "modulation: dL/du = p + u X(q/A)": backward_of_modulation,
    "|M_j| = G G' for every token, d|M_j|/du_i = G' u_i/G": magnitude_of_modulation,
    "contexts never cancel: |I_j| ≥ A_j + B_j (shortfall)": contexts_never_cancel,
}


def check_all(represent: Coding) -> dict[str, float]:
    """The largest deviation from each prediction, over texts of several lengths.

    Args:
        represent: `fast_path` or `paper_formulas`.

    Returns:
        For each name of `PREDICTIONS`, relative to the largest expected entry.
    """
    examples = [Example.draw(tokens) for tokens in TEXT_LENGTHS]
    return {
        name: max(check(represent, text) for text in examples)
        for name, check in PREDICTIONS.items()
    }


def spectral_norm(represent: Coding, tokens: int) -> float:
    """The spectral norm of all tokens' `dIm Z_j/dw_i`, stacked: `sqrt(n - 1)` is predicted.

    The matrix takes w to C and its transpose takes C to (n - 1) w, and but for the signs of w none
    of its entries is negative: so these are its first singular vectors, whatever the text.

    Args:
        represent: `fast_path` or `paper_formulas`.
        tokens: Length n of the random text, of one dimension.
    """
    w = Example.draw(tokens).u[:, :1]
    matrix = _jacobian(lambda x: represent(x).imag, w)[:, 0, :, 0]  # (tokens, tokens)
    return float(torch.linalg.matrix_norm(matrix, ord=2))


def context(w: Tensor) -> Tensor:
    """`C_j`, by leaving each token out in turn: (tokens, hidden)."""
    return _others(w**2).sqrt()


def _others(values: Tensor) -> Tensor:
    """For each token the sum over the other tokens, with nothing subtracted: (tokens, hidden)."""
    return torch.stack(
        [torch.cat([values[:row], values[row + 1 :]]).sum(0) for row in range(len(values))]
    )


def _jacobians(represent: Coding, w: Tensor) -> tuple[Tensor, Tensor]:
    """`dRe Z_jk/dw_ik` and `dIm Z_jk/dw_ik`, within each dimension: (j, i, hidden) each."""
    real = _jacobian(lambda x: represent(x).real, w)
    imag = _jacobian(lambda x: represent(x).imag, w)
    return torch.diagonal(real, dim1=1, dim2=3), torch.diagonal(imag, dim1=1, dim2=3)


def _jacobian(function: Callable[[Tensor], Tensor], w: Tensor) -> Tensor:
    result: Tensor = jacobian(function, w)  # type: ignore[no-untyped-call]
    return result


def _gradients(
    represent: Coding, operation: Operation, text: Example, rows: slice = slice(None)
) -> Sequence[Tensor]:
    """What a and b at the given tokens bring to u and v: (tokens, hidden) each."""
    variants = [w.clone().requires_grad_() for w in (text.u, text.v)]
    wave = operation(*map(represent, variants))
    arriving = [text.a[rows], text.b[rows]]
    return torch.autograd.grad([wave.real[rows], wave.imag[rows]], variants, arriving)


def _deviation(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest expected entry."""
    return float((found - expected).abs().max() / expected.abs().max())


def _polar(w: Tensor) -> Wave:
    norm = (w**2).sum(0).sqrt()
    ratio = w / (norm + 1e-8)
    return _wave(norm, torch.atan2((1 - ratio**2).clamp(0, 1).sqrt(), ratio))


def _polar_epsilon(w: Tensor) -> Wave:
    norm = torch.linalg.vector_norm(w, dim=0)
    ratio = w / (norm + 1e-8)
    return _wave(norm, torch.atan2((1 - ratio**2 + 1e-8).sqrt(), ratio))


def _arccosine(w: Tensor) -> Wave:
    norm = ((w**2).sum(0) + 1e-8).sqrt()
    return _wave(norm, torch.acos((w / norm).clamp(-1 + 1e-7, 1 - 1e-7)))


def _wave(norm: Tensor, phase: Tensor) -> Wave:
    return Wave(norm * phase.cos(), norm * phase.sin())


def _subtraction(w: Tensor) -> Wave:
    return Wave(w, ((w**2).sum(0) - w**2).sqrt())


def _subtraction_epsilon(w: Tensor) -> Wave:
    return Wave(w, (((w**2).sum(0) - w**2).clamp(min=0) + 1e-12).sqrt())


CODINGS: Final[dict[str, Coding]] = {
    "polar, as printed": paper_formulas,
    "polar, w/(G + 1e-8), 1 - r² clamped": _polar,
    "polar, √(1 - r² + 1e-8)": _polar_epsilon,
    "arccos, clamped to ±(1 - 1e-7)": _arccosine,
    "Cartesian, √(S - w²)": _subtraction,
    "Cartesian, √(max(S - w², 0) + 1e-12)": _subtraction_epsilon,
    "ours, sum over the other tokens": fast_path,
}
"""Ways to code the representation: those met in public code, and ours."""


def singular_texts() -> dict[str, Tensor]:
    """A text without peculiarities, and those where the formulas are singular or lose digits.

    Returns:
        float32, (tokens, hidden), by name.
    """
    generator = torch.Generator().manual_seed(0)
    generic, few, single = (torch.randn(n, 64, generator=generator) for n in (40, 6, 1))
    zero_column, one_row, dominant = few.clone(), few.clone(), generic.clone()
    zero_column[:, 1] = 0
    one_row[:, 2] = 0
    one_row[3, 2] = 1.7
    dominant[7] *= 1e4
    return {
        "generic, 40 tokens": generic,
        "single token": single,
        "zero column": zero_column,
        "one non-zero row": one_row,
        "one token 1e4 times larger": dominant,
    }


def gradient_error(represent: Coding, w: Tensor) -> float:
    """The gradient's largest error, relative to the largest entry of the exact gradient.

    Args:
        represent: One of `CODINGS`.
        w: One text, float32, (tokens, hidden).

    Returns:
        The error against float64 with the other tokens' sums formed by deletion; NaN or infinite
        if any entry of the gradient is.
    """
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, *w.shape, generator=generator)
    leaf = w.clone().requires_grad_()
    (found,) = torch.autograd.grad(represent(leaf * 1), leaf, (a, b))
    exact = a.double() + w.double() * _others(_quotient(b.double(), context(w.double())))
    return _deviation(found.double(), exact)


def _quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """0 where the denominator is: the subgradient of least norm at the root's apex."""
    return torch.where(denominator == 0, 0.0, numerator / denominator)
