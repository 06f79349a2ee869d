"""Logits and probabilities of packed texts, by torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wave_network.data.batch import PackedTexts, evaluation_batches


def predict_probabilities(
    model: nn.Module,
    texts: PackedTexts,
    device: torch.device | None = None,
    *,
    multi_label: bool = False,
) -> NDArray[np.float32]:
    """Class probabilities by torch.

    Args:
        model: Takes a `PackedBatch`; on `device`. Put into evaluation mode.
        texts: Packed texts.
        device: Where the model is; the CPU by default.
        multi_label: Each label has a probability by itself.

    Returns:
        float32, (texts, labels).
    """
    logits = _logits(model, texts, device)
    probabilities = logits.sigmoid() if multi_label else logits.softmax(dim=1)
    result: NDArray[np.float32] = probabilities.numpy()
    return result


def predict_logits(model: nn.Module, texts: PackedTexts) -> NDArray[np.float32]:
    """What `predict_probabilities` takes the softmax of, on the CPU; (texts, labels)."""
    logits: NDArray[np.float32] = _logits(model, texts, None).numpy()
    return logits


@torch.inference_mode()
def _logits(model: nn.Module, texts: PackedTexts, device: torch.device | None) -> Tensor:
    model.eval()
    device = device or torch.device("cpu")
    return torch.cat([model(batch.to(device)) for batch in evaluation_batches(texts)]).cpu()
