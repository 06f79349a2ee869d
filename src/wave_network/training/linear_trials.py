"""Try a way of preparing texts: the answers of the linear part to texts that were held out.

Fitting the linear part takes little time, and what helps it helps the whole model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.targets import Targets, soft_targets
from wave_network.training.local_wave.linear_part import (
    linear_logits,
    linear_weights,
    set_linear_part,
)
from wave_network.training.prepare import Prepared


def right_answers(
    prepared: Prepared, training: PackedTexts, held_out: PackedTexts, seed: int
) -> NDArray[np.bool_]:
    """Fit the linear part, and return which held-out texts it gets right, (texts,).

    An answer is the most probable label. Of several labels any is right.

    Args:
        prepared: Its model is changed.
        training: Texts that are packed by its tokenizer, with their targets.
        held_out: Other such texts.
        seed: Seed of the solver.
    """
    assert isinstance(prepared.config, LocalWaveConfig)
    config, tokenizer, vectors = prepared.config, prepared.tokenizer, prepared.vectors
    weights = linear_weights(training, config, seed, tokenizer, vectors)
    tensors = prepared.model.tensors
    set_linear_part(tensors, weights, 1.0)
    answers = linear_logits(config, tensors, held_out).argmax(axis=1)
    assert held_out.labels is not None
    return _are_right(answers, held_out.labels, prepared.config.num_labels)


def gains(
    right: NDArray[np.bool_], before: NDArray[np.bool_], sure: float, least: float = 0.0
) -> bool:
    """Whether answers gain more than chance explains (McNemar, 1947).

    Args:
        right: Which answers are right, (texts,).
        before: Which were before, (texts,).
        sure: The least gain, in standard errors.
        least: The least gain, as a share of the texts.
    """
    gain = int(right.sum()) - int(before.sum())
    return gain > 0 and gain >= max(least * len(right), sure * np.sqrt((right != before).sum()))


def _are_right(answers: NDArray[np.int64], targets: Targets, classes: int) -> NDArray[np.bool_]:
    shares = soft_targets(targets, classes)
    found: NDArray[np.bool_] = shares[np.arange(len(answers)), answers] == shares.max(axis=1)
    return found
