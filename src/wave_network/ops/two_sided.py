"""Waves of a text whose global semantics decays with the distance, for masked language models.

A token of a masked model is predicted from those on both sides. Its wave is the papers' (Fig. 4),
but that a token far away counts less: a `keep` in [0, 1] for every token and dimension says how
much remains from the token before it to it, and likewise back. 1 keeps all, which is the papers'
wave of the whole text; 0 starts a new document. Tensors are of shape `(time, lanes, hidden)`, as in
`causal.py`, whose running sum goes over them once from each end.
"""

import torch
from torch import Tensor

from wave_network.ops.causal import past, root, running_sum
from wave_network.ops.real import Wave, divide


def sum_of_others(values: Tensor, keep: Tensor) -> Tensor:
    """The sum over all other tokens of the document, `sum_{i != t} d_{it} values_i`.

    `d_{it}` is the product of `keep` over the steps between tokens `i` and `t`.

    Args:
        values: `(time, lanes, hidden)`, float32 or float64.
        keep: The share that remains from the token before, in [0, 1]; of the same shape.

    Returns:
        A tensor of that shape. Differentiable once, in both arguments.
    """
    to_next = following(keep)
    from_here = running_sum(values.flip(0), to_next.flip(0)).flip(0)
    return keep * past(running_sum(values, keep)) + to_next * following(from_here)


def represent_two_sided(embeddings: Tensor, keep: Tensor) -> Wave:
    """The wave `Z_t = w_t + i C_t` of every token, with `C_t^2 = sum_{i != t} d_{it} w_i^2`.

    Args:
        embeddings: `(time, lanes, hidden)`, float32 or float64.
        keep: As for `sum_of_others`; with 1 these are the papers' waves (paper 1, Fig. 4).

    Returns:
        Two tensors of that shape. Where `C_t = 0` its gradient is 0.
    """
    return Wave(embeddings, root(sum_of_others(embeddings.square(), keep)))


def memory_of_others(wave: Wave, values: Tensor, keep: Tensor) -> Tensor:
    """The mean of the other tokens' values, weighted by their energy.

    `S_t = sum_{i != t} d_{it} w_i^2 v_i / C_t^2`, which is 0 where the token is alone.

    Args:
        wave: From `represent_two_sided`, with the same `keep`.
        values: `(time, lanes, hidden)`.
        keep: As for `sum_of_others`.

    Returns:
        A tensor of that shape, within the range of the values.
    """
    return divide(sum_of_others(wave.real.square() * values, keep), wave.imag.square())


def following(values: Tensor) -> Tensor:
    """The values of the tokens after: row `t` is that of `t + 1`, and the last one 0."""
    return torch.cat([values[1:], torch.zeros_like(values[:1])])
