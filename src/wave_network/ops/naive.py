"""The papers' formulas as printed, in complex and polar arithmetic, for one text.

The tests compare `wave_network.ops.real` with this module, and it is the place to read the method.
It has no safeguards: a zero column, a single token or a dominant token gives NaN or loses digits,
as in any literal implementation. For training, use `wave_network.ops`.

Every function takes one text `w` of shape `(tokens, hidden)`; dimensions never mix.

Source: X. Zhang and V. S. Sheng, "Wave Network: An Ultra-Small Language Model", arXiv 2411.02674v4.
"""

import torch
from torch import Tensor


def token_magnitude(w: Tensor) -> Tensor:
    """The magnitude of one token, `|w_jk|` (section 3.1.1, Fig. 1).

    Args:
        w: `(tokens, hidden)`, real floating point.

    Returns:
        `(tokens, hidden)`, the dtype of `w`.
    """
    return w.abs()


def global_semantics(w: Tensor) -> Tensor:
    """The text's magnitude `G_k = sqrt(sum_i w_ik^2)`, shared by its tokens (3.1.1, Fig. 2).

    Args:
        w: `(tokens, hidden)`, real floating point.

    Returns:
        `(hidden,)`, the dtype of `w`.
    """
    return (w**2).sum(dim=0).sqrt()


def phase(w: Tensor) -> Tensor:
    """The phase `alpha_jk` in `[0, pi]` (section 3.1.2, Figs. 3 and 5).

    The paper prints arctan2 of the ratio `sqrt(1 - r^2) / r` with `r = w / G`. We use the
    two-argument function, so that `cos(alpha) = w / G` (Fig. 5) also holds for negative `w`.

    Args:
        w: `(tokens, hidden)`, real floating point.

    Returns:
        `(tokens, hidden)`, the dtype of `w`.
    """
    ratio = w / global_semantics(w)
    return torch.arctan2(torch.sqrt(1 - ratio**2), ratio)


def represent(w: Tensor) -> Tensor:
    """The complex vector token representation `Z_j = G exp(i alpha_j)` (section 3.1, Fig. 4).

    Args:
        w: `(tokens, hidden)`, real floating point.

    Returns:
        `(tokens, hidden)`, complex.
    """
    return torch.polar(global_semantics(w).expand_as(w), phase(w))


def interfere(first: Tensor, second: Tensor) -> Tensor:
    """Wave interference `Z + Z'` (section 3.2.1, Eqs. 3-4).

    Args:
        first: One variant's wave, `(tokens, hidden)`, complex.
        second: The other's, of the same shape.

    Returns:
        `(tokens, hidden)`, complex.
    """
    return first + second


def interference_term(first: Tensor, second: Tensor) -> Tensor:
    """The interference term of the energy, `2 G G' cos(alpha - alpha')` (section 3.2.1, Eq. 5).

    Args:
        first: One variant's wave, `(tokens, hidden)`, complex.
        second: The other's, of the same shape.

    Returns:
        `(tokens, hidden)`, real: `|Z + Z'|^2 - |Z|^2 - |Z'|^2`.
    """
    return 2 * first.abs() * second.abs() * torch.cos(first.angle() - second.angle())


def modulate(first: Tensor, second: Tensor) -> Tensor:
    """Wave modulation `Z Z' = G G' exp(i (alpha + alpha'))` (section 3.2.2, Eqs. 6-7).

    Args:
        first: One variant's wave, `(tokens, hidden)`, complex.
        second: The other's, of the same shape.

    Returns:
        `(tokens, hidden)`, complex.
    """
    return torch.polar(first.abs() * second.abs(), first.angle() + second.angle())
