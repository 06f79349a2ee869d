"""Logits and probabilities of packed texts, computed with torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wave_network.data.batch import PackedTexts, evaluation_batches


def predict_probabilities(
    model: nn.Module, texts: PackedTexts, device: torch.device | None = None
) -> NDArray[np.float32]:
    """Compute the softmax of `predict_logits`; float32, (texts, classes)."""
    result: NDArray[np.float32] = _logits(model, texts, device).softmax(dim=1).numpy()
    return result


def predict_logits(
    model: nn.Module, texts: PackedTexts, device: torch.device | None = None
) -> NDArray[np.float32]:
    """Compute the logits of packed texts.

    Args:
        model: Takes a `PackedBatch`; is on `device`. Gets put into evaluation mode.
        texts: Packed texts.
        device: The model's device; None: the CPU.

    Returns:
        float32, (texts, classes).
    """
    logits: NDArray[np.float32] = _logits(model, texts, device).numpy()
    return logits


@torch.inference_mode()
def _logits(model: nn.Module, texts: PackedTexts, device: torch.device | None) -> Tensor:
    model.eval()
    device = device or torch.device("cpu")
    return torch.cat([model(batch.to(device)) for batch in evaluation_batches(texts)]).cpu()
