"""AdamW for a model's weights, with sparse updates of the embedding tables.

A dense update of a table changes 23 million values for the few thousand tokens of a batch, and
costs more than the rest of the step. `RowAdam` updates only the rows of the batch's tokens.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from wave_network.config import TrainConfig
from wave_network.training.row_adam import RowAdam, eager
from wave_network.training.schedule import schedule_factor


class EagerAdamW(AdamW):
    """`AdamW` without support for `torch.compile`, which takes over a second to import."""

    add_param_group = eager(Optimizer.add_param_group)
    zero_grad = eager(Optimizer.zero_grad)
    step = torch.no_grad()(eager(AdamW.step))


@runtime_checkable
class HasRowTables(Protocol):
    """A network with embedding tables that are updated by rows."""

    def row_tables(self) -> list[nn.Embedding]:
        """Return the tables."""


def build_optimizers(
    model: nn.Module, config: TrainConfig, device: torch.device
) -> list[Optimizer]:
    """Build one optimiser for the embedding tables and one for the other parameters.

    Weight decay applies to matrices only, not to tables, biases and norms.

    Args:
        model: On its device already.
        config: Learning rate and weight decay.
        device: On MPS, which has no sparse gradients, the tables get dense updates.
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
    """Return False for biases and norms: a vector, or one per member, (members, 1, size)."""
    return parameter.ndim > 1 and parameter.shape[-2] > 1


def build_schedule(optimizer: Optimizer, config: TrainConfig, steps: int) -> LambdaLR:
    """Build the schedule of `steps` steps: linear warm-up, then constant or linear decay to 0."""
    return LambdaLR(optimizer, schedule_factor(config, steps))


def clip_gradients(model: nn.Module, max_norm: float) -> None:
    """Scale all gradients, sparse ones too, so that their joint L2 norm is at most `max_norm`."""
    values = []
    for parameter in model.parameters():
        if parameter.grad is not None:
            gradient = parameter.grad
            if gradient.is_sparse:
                # A row may be stored once per occurrence; its gradient is the sum.
                parameter.grad = gradient.coalesce()
                gradient = parameter.grad._values()
            values.append(gradient)
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(v) for v in values]))
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for gradient in values:
        gradient.mul_(factor)
