"""AdamW, with the embedding table's rows updated only in the steps whose texts hold their token.

A dense pass over the table costs more than the rest of a step together: 23 million values change
for the few thousand tokens of a batch. `RowAdam` touches the batch's rows alone.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from wave_network.config import TrainConfig
from wave_network.training.row_adam import RowAdam


def build_optimizers(
    model: nn.Module, config: TrainConfig, device: torch.device
) -> list[Optimizer]:
    """One optimiser for the rows of `model.embedding` if it is an `nn.Embedding`, one for the rest.

    Weight decay acts on matrices alone: biases, norms and `model.embedding` are left out.

    Args:
        model: On its device already.
        config: Learning rate and weight decay.
        device: Where sparse gradients do not exist (MPS), the table is updated densely.
    """
    rate = config.learning_rate
    embedding = getattr(model, "embedding", None)
    optimizers: list[Optimizer] = []
    others = list(model.parameters())
    if isinstance(embedding, nn.Embedding):
        table = embedding.weight
        embedding.sparse = device.type in ("cpu", "cuda")
        others = [parameter for parameter in others if parameter is not table]
        optimizers.append(
            RowAdam([table], lr=rate)
            if embedding.sparse
            else AdamW([table], lr=rate, weight_decay=0.0)
        )
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [*optimizers, AdamW(groups, lr=rate, fused=device.type in ("cpu", "cuda"))]


def build_schedule(optimizer: Optimizer, config: TrainConfig, steps: int) -> LambdaLR:
    """Linear warm-up, then constant or linear to zero, over `steps` steps in all."""
    warmup = round(config.warmup * steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if config.schedule == "constant":
            return 1.0
        return max(0.0, (steps - step) / max(1, steps - warmup))

    return LambdaLR(optimizer, factor)


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
