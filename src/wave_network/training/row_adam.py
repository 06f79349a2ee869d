"""Adam for an embedding table: only the rows that a step's texts hold are read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any, Final, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from wave_network import _native
from wave_network.models.local_wave.autograd import is_plain

_SPARE: Final = 16  # a sixteenth: seldom copied, and little to spare


Method = TypeVar("Method", bound=Callable[..., Any])


def eager(method: Method) -> Method:
    """A method of torch's optimizers without its decorator for `torch.compile`, if it has one.

    Nothing here is compiled so, and the decorator's first call imports what takes over a second.
    """
    plain: Method = getattr(method, "__wrapped__", method)
    return plain


class RowAdam(Optimizer):
    """The updates of `torch.optim.SparseAdam`, without its bookkeeping, and in less memory.

    A row's moments rest while its token does not occur; the bias corrections count all steps. A row
    has moments from its first gradient on, so tokens that never occur cost none.

    Args:
        parameters: Tables whose gradients are sparse, (rows, columns).
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
            # Where each row of the table has its moments; -1: nowhere yet.
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
    """Update rows of a table and their moments in place; compiled, where the extension was built.

    The parameters are those of the compiled form.

    Args:
        table: (rows of the table, columns).
        rows: The distinct rows to update, (rows,).
        gradient: Theirs, (rows, columns).
        places: Where they have their moments, (rows,).
        means: First moments, (places, columns).
        squares: Second moments, (places, columns).
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: Added to the root of the second moment.
        rate: Step size, corrected for the moments' start at 0.
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
    """Loading gives every tensor of a state the table's own type; places are indices."""
    for state in optimizer.state.values():
        state["place"] = state["place"].long()


def _places(state: dict[str, Any], rows: Tensor) -> Tensor:
    """Where the rows have their moments, (rows,); makes room for those that have none yet."""
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
    """The moments with room for `needed` rows, and some to spare, but never for above `most`."""
    if needed <= len(moments):
        return moments
    room = min(most, needed + needed // _SPARE)
    return torch.cat([moments, moments.new_zeros(room - len(moments), moments.shape[1])])


def _distinct_rows(gradient: Tensor | None) -> tuple[Tensor, Tensor]:
    """The rows of a sparse gradient and their values; a row that is stored in parts is summed."""
    assert gradient is not None
    rows = gradient._indices()[0]
    if not gradient.is_coalesced() and not bool((rows.diff() > 0).all()):
        gradient = gradient.coalesce()
        rows = gradient._indices()[0]
    return rows, gradient._values()
