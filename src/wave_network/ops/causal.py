"""Causal waves: the global semantics of a prefix, and what one wave carries along from the past.

A language model may not look ahead, so that the sums of `real.py` run over a token's past alone. A
`keep` in [0, 1] for every token and dimension says how much of the past remains: 1 keeps it (the
papers' sum, over the prefix), less lets it decay, 0 starts a new document. Tensors are of shape
`(time, lanes, hidden)`: lanes are independent streams of documents, packed one after another.

Every sum takes constant state a token and is computed in chunks: neither `time x time` matrices
nor complex numbers. `README.md` in this folder derives the closed forms and their gradients.
"""

from math import isqrt

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable

from wave_network.ops.packed import saved
from wave_network.ops.real import Wave, divide


def running_sum(values: Tensor, keep: Tensor) -> Tensor:
    """The running sum `S_t = keep_t S_{t-1} + values_t`, from `S_{-1} = 0`.

    Args:
        values: `(time, lanes, hidden)`, float32 or float64.
        keep: The share of the past that remains, in [0, 1]; of the same shape.

    Returns:
        A tensor of that shape. Differentiable once, in both arguments.
    """
    result: Tensor = _RunningSum.apply(values, keep)  # type: ignore[no-untyped-call]
    return result


def represent_prefix(embeddings: Tensor, keep: Tensor) -> Wave:
    """The causal wave `Z_t = w_t + i C_t` of every token, with `C_t^2 = keep_t G_{t-1}^2`.

    `G_t^2 = keep_t G_{t-1}^2 + w_t^2` is the energy of the prefix; with `keep` 1, `Z_t` is the
    papers' wave of the last token of the text that ends at `t` (Fig. 4).

    Args:
        embeddings: `(time, lanes, hidden)`, float32 or float64.
        keep: As for `running_sum`.

    Returns:
        Two tensors of that shape. Where `C_t = 0` its gradient is 0.
    """
    energy = running_sum(embeddings.square(), keep)
    return Wave(embeddings, root(keep * past(energy)))


def memory(wave: Wave, values: Tensor) -> Tensor:
    """The mean of the past values, weighted by the energy of their tokens.

    With the phase `alpha_t` of the wave it is `S_t = sin^2(alpha_t) S_{t-1} + cos^2(alpha_t) v_t`,
    since `cos^2(alpha_t) = w_t^2 / G_t^2`. In closed form, with `d` the product of `keep` from
    `i + 1` to `t`, it is `S_t = sum_i d w_i^2 v_i / sum_i d w_i^2`.

    Args:
        wave: From `represent_prefix`.
        values: `(time, lanes, hidden)`.

    Returns:
        A tensor of that shape, within the range of the values.
    """
    share = context_share(wave)
    return running_sum((1 - share) * values, share)


def context_share(wave: Wave) -> Tensor:
    """The share of the context in a wave's energy, `sin^2(alpha) = C^2 / G^2`; 0 where `Z = 0`."""
    context = wave.imag.square()
    return divide(context, wave.real.square() + context)


def past(values: Tensor) -> Tensor:
    """The values of the tokens before: row `t` is that of `t - 1`, and the first one 0."""
    return torch.cat([torch.zeros_like(values[:1]), values[:-1]])


def root(values: Tensor) -> Tensor:
    """The square root, with gradient 0 at 0: the shortest of the subgradients of a norm there."""
    result: Tensor = _Root.apply(values)  # type: ignore[no-untyped-call]
    return result


class _RunningSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, keep: Tensor) -> Tensor:
        sums = _scan(values, keep)
        ctx.save_for_backward(keep, sums)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, Tensor]:
        keep, sums = saved(ctx)
        # The same sum backwards: dL/dv_t = grad_t + keep_{t+1} dL/dv_{t+1}.
        at_values = _scan(grad.flip(0), past(keep.flip(0))).flip(0)
        return at_values, at_values * past(sums)


class _Root(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor) -> Tensor:
        result = values.sqrt()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> Tensor:
        (result,) = saved(ctx)
        return divide(grad, 2 * result)


def _scan(values: Tensor, keep: Tensor) -> Tensor:
    """Compute the running sum in some `2 sqrt(time)` steps: within chunks, then across them."""
    time, length = len(values), isqrt(len(values) - 1) + 1
    chunks = -(-time // length)
    shape = (chunks, length, *values.shape[1:])
    sums, kept = (_padded(tensor, chunks * length).view(shape) for tensor in (values, keep))
    for step in range(1, length):
        sums[:, step].addcmul_(kept[:, step], sums[:, step - 1])
        kept[:, step] *= kept[:, step - 1]
    for chunk in range(1, chunks):
        sums[chunk].addcmul_(kept[chunk], sums[chunk - 1, -1])
    return sums.flatten(0, 1)[:time]


def _padded(values: Tensor, time: int) -> Tensor:
    """Return a copy with so many rows."""
    result = values.new_zeros(time, *values.shape[1:])
    result[: len(values)] = values
    return result
