"""Adam for embedding tables: a step updates only the rows of its texts' tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any, Final, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from wave_network import _native
from wave_network.models.local_wave.autograd import is_plain

_SPARE: Final = 16  # the moments grow by a sixteenth more than needed, so that copies are rare


Method = TypeVar("Method", bound=Callable[..., Any])


def eager(method: Method) -> Method:
    """Remove the decorator for `torch.compile` from a method of torch's optimisers.

    We do not use `torch.compile`, and the decorator's first call takes over a second to import it.
    """
    plain: Method = getattr(method, "__wrapped__", method)
    return plain


class RowAdam(Optimizer):
    """The updates of `torch.optim.SparseAdam`, faster and in less memory.

    A row's moments do not change while its token does not occur; the bias corrections count all
    steps. Moments are allocated at a row's first gradient, so tokens that never occur need none.

    Args:
        parameters: Tables with sparse gradients, (rows, columns).
        lr: Step size.
        betas: Decay of the first and the second moment.
        eps: Added to the root of the second moment.
    """

    add_param_group = eager(Optimizer.add_param_group)
    zero_grad = eager(Optimizer.zero_grad)

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})
        self.register_load_state_dict_post_hook(_restore_places)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the rows that have a gradient."""
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    self._update(table, group)

    def _update(self, table: Tensor, group: dict[str, Any]) -> None:
        state = self.state[table]
        if not state:
            state["step"] = state["rows"] = 0
            # The index of each row's moments; -1: none yet.
            state["place"] = torch.full((len(table),), -1, device=table.device)
            state["mean"] = state["square"] = table.new_empty(0, table.shape[1])
        state["step"] += 1
        rows, gradient = _distinct_rows(table.grad)
        places = _places(state, rows)
        (beta1, beta2), step = group["betas"], state["step"]
        numbers = {
            "beta1": beta1,
            "beta2": beta2,
            "epsilon": group["eps"],
            "rate": group["lr"] * sqrt(1 - beta2**step) / (1 - beta1**step),
        }
        update_rows(table, rows, gradient, places, state["mean"], state["square"], **numbers)


def update_rows(
    table: Tensor,
    rows: Tensor,
    gradient: Tensor,
    places: Tensor,
    means: Tensor,
    squares: Tensor,
    *,
    beta1: float,
    beta2: float,
    epsilon: float,
    rate: float,
) -> None:
    """Update rows of a table and their moments in place, by the native module if it was built.

    Args:
        table: (rows of the table, columns).
        rows: The distinct rows to update, (rows,).
        gradient: Their gradients, (rows, columns).
        places: The indices of their moments, (rows,).
        means: First moments, (places, columns).
        squares: Second moments, (places, columns).
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: Added to the root of the second moment.
        rate: Step size, with the bias corrections.
    """
    if _native.compiled is not None and all(map(is_plain, (table, means, squares))):
        _native.compiled.update_rows(
            table.detach().numpy(),
            rows.numpy(),
            gradient.contiguous().numpy(),
            places.numpy(),
            means.numpy(),
            squares.numpy(),
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            rate=rate,
        )
        return
    mean = means.index_select(0, places).lerp_(gradient, 1 - beta1)
    square = squares.index_select(0, places).mul_(beta2)
    square.addcmul_(gradient, gradient, value=1 - beta2)
    means.index_copy_(0, places, mean)
    squares.index_copy_(0, places, square)
    table.index_add_(0, rows, mean.div_(square.sqrt_().add_(epsilon)), alpha=-rate)


def _restore_places(optimizer: Optimizer) -> None:
    """Turn places into integers again: loading casts all tensors of a state to the table's type."""
    for state in optimizer.state.values():
        state["place"] = state["place"].long()


def _places(state: dict[str, Any], rows: Tensor) -> Tensor:
    """Return the indices of the rows' moments, (rows,); allocate those of new rows."""
    places: Tensor = state["place"][rows]
    is_new = places < 0
    count, added = state["rows"], int(is_new.sum())
    if added:
        places[is_new] = torch.arange(count, count + added, device=rows.device)
        state["place"][rows] = places
        state["rows"] = count + added
        for name in ("mean", "square"):
            state[name] = _with_room(state[name], count + added, len(state["place"]))
    return places


def _with_room(moments: Tensor, needed: int, most: int) -> Tensor:
    """Enlarge the moments to at least `needed` and at most `most` rows."""
    if needed <= len(moments):
        return moments
    room = min(most, needed + needed // _SPARE)
    return torch.cat([moments, moments.new_zeros(room - len(moments), moments.shape[1])])


def _distinct_rows(gradient: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the distinct rows of a sparse gradient and their summed values."""
    assert gradient is not None
    rows = gradient._indices()[0]
    if not gradient.is_coalesced() and not bool((rows.diff() > 0).all()):
        gradient = gradient.coalesce()
        rows = gradient._indices()[0]
    return rows, gradient._values()
