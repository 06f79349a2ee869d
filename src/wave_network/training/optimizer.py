"""AdamW, with the embedding tables' rows updated only in the steps whose texts hold their token.

A dense pass over a table costs more than the rest of a step together: 23 million values change
for the few thousand tokens of a batch. `RowAdam` touches the batch's rows alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from wave_network.config import TrainConfig
from wave_network.training.row_adam import RowAdam, eager


class EagerAdamW(AdamW):
    """`AdamW` that is not for `torch.compile`, whose machinery takes over a second to import."""

    add_param_group = eager(Optimizer.add_param_group)
    zero_grad = eager(Optimizer.zero_grad)
    step = torch.no_grad()(eager(AdamW.step))


@runtime_checkable
class HasRowTables(Protocol):
    """A network with tables of which a step changes only the rows that its texts use."""

    def row_tables(self) -> list[nn.Embedding]:
        """The tables."""


def build_optimizers(
    model: nn.Module, config: TrainConfig, device: torch.device
) -> list[Optimizer]:
    """One optimiser for the rows of the embedding tables, one for the rest.

    Weight decay acts on the other matrices alone: tables, biases and norms are left out.

    Args:
        model: On its device already.
        config: Learning rate and weight decay.
        device: Where sparse gradients do not exist (MPS), the tables are updated densely.
    """
    rate = config.learning_rate
    tables = model.row_tables() if isinstance(model, HasRowTables) else []
    rows = [table.weight for table in tables]
    optimizers: list[Optimizer] = []
    if rows:
        sparse = device.type in ("cpu", "cuda")
        for table in tables:
            table.sparse = sparse
        table_rate, epsilon = rate * config.embedding_rate, config.embedding_epsilon
        optimizers.append(
            RowAdam(rows, lr=table_rate, eps=epsilon)
            if sparse
            else EagerAdamW(rows, lr=table_rate, eps=epsilon, weight_decay=0.0)
        )
    trained = [p for p in model.parameters() if p.requires_grad]
    others = [p for p in trained if all(p is not table for table in rows)]
    groups = [
        {"params": list(filter(_is_matrix, others)), "weight_decay": config.weight_decay},
        {"params": [p for p in others if not _is_matrix(p)], "weight_decay": 0.0},
    ]
    return [*optimizers, EagerAdamW(groups, lr=rate, fused=device.type in ("cpu", "cuda"))]


def _is_matrix(parameter: nn.Parameter) -> bool:
    """Not so are biases and norms: a vector, or one for each member, (members, 1, size)."""
    return parameter.ndim > 1 and parameter.shape[-2] > 1


def build_schedule(optimizer: Optimizer, config: TrainConfig, steps: int) -> LambdaLR:
    """Linear warm-up, then constant or linear to zero, over `steps` steps in all."""
    return LambdaLR(optimizer, schedule_factor(config, steps))


def schedule_factor(config: TrainConfig, steps: int) -> Callable[[int], float]:
    """What the learning rate is multiplied by in each of `steps` steps, the first being 0."""
    warmup = round(config.warmup * steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if config.schedule == "constant":
            return 1.0
        return max(0.0, (steps - step) / max(1, steps - warmup))

    return factor


def clip_gradients(model: nn.Module, max_norm: float) -> None:
    """Scale all gradients so that their joint L2 norm is at most `max_norm`, sparse ones too."""
    values = []
    for parameter in model.parameters():
        if parameter.grad is not None:
            gradient = parameter.grad
            if gradient.is_sparse:
                # A row may be stored in parts, one an occurrence: their sum is its gradient.
                parameter.grad = gradient.coalesce()
                gradient = parameter.grad._values()
            values.append(gradient)
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(v) for v in values]))
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for gradient in values:
        gradient.mul_(factor)
