"""Try what may help a model on its linear part: which answers to held-out texts it gets right.

Fitting the linear part takes little time, and what helps it helps the whole model.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.targets import soft_targets
from wave_network.models.local_wave.sparse import SparseLinear
from wave_network.numerics.sparse import CsrMatrix
from wave_network.training.local_wave.few_texts import FewTexts
from wave_network.training.local_wave.linear_part import (
    LinearWeights,
    few_texts_weights,
    linear_weights,
)
from wave_network.training.local_wave.ngram_matrix import ngram_counts
from wave_network.training.prepare import Prepared

_TOLERANCE: Final = 0.1  # of a trial's fit: a closer one has the same answers


def right_answers(
    prepared: Prepared, training: PackedTexts, held_out: PackedTexts, seed: int
) -> NDArray[np.bool_]:
    """Fit the linear part, and return which held-out texts it gets right, (texts,).

    An answer is the most probable label. Of several labels any is right.

    Args:
        prepared: Names the configuration and the tokenizer.
        training: Texts that are packed by its tokenizer, with their targets.
        held_out: Other such texts.
        seed: Seed of the solver.
    """
    assert isinstance(prepared.config, LocalWaveConfig)
    config = prepared.config
    weights = linear_weights(training, config, seed, prepared.tokenizer, prepared.vectors)
    if isinstance(weights, LinearWeights):
        logits = _margins(weights, ngram_counts(held_out, config))
    else:
        logits = SparseLinear(config, weights.tensors()).logits(held_out.ids, held_out.offsets)
    return _are_right(logits, held_out)


def cross_validated(
    few: FewTexts,
    config: LocalWaveConfig,
    folds: NDArray[np.int64],
    seed: int,
    vectors: NDArray[np.float32] | None = None,
) -> NDArray[np.bool_]:
    """Return which answers to the texts of each fold are right, by a fit to the other texts.

    Args:
        few: The texts.
        config: The configuration of a model with a dense linear part.
        folds: The fold of each text, or below 0 for texts that none holds out, (texts,).
        seed: Seed of the solver.
        vectors: As for `linear_weights`.

    Returns:
        (texts that a fold holds out,).
    """
    right: NDArray[np.bool_] = np.zeros(len(folds), np.bool_)
    for fold in range(folds.max() + 1):
        training, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        weights = few_texts_weights(few.select(training), config, seed, vectors, _TOLERANCE)
        logits = _margins(weights, few.counts.select_rows(held_out))
        right[held_out] = _are_right(logits, few.texts.select(held_out))
    return right[folds >= 0]


def _margins(weights: LinearWeights, counts: CsrMatrix) -> NDArray[np.float32]:
    """Return the margins of texts by their `ngram_counts`, (texts, labels)."""
    return counts @ np.concatenate([weights.tokens, weights.bigrams]) + weights.bias


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


def _are_right(logits: NDArray[np.float32], texts: PackedTexts) -> NDArray[np.bool_]:
    assert texts.labels is not None
    answers, shares = logits.argmax(axis=1), soft_targets(texts.labels, logits.shape[1])
    found: NDArray[np.bool_] = shares[np.arange(len(answers)), answers] == shares.max(axis=1)
    return found
