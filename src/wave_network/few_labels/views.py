"""Views: classifiers that see a text in different ways, and err on different texts.

Each learns from some labelled texts and scores all texts. The first learns from labelled texts
alone; the others from unlabelled ones, too: naive Bayes from what words occur together with, and
the latent ones from the vectors of texts, in which words that occur in the same texts are near.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wave_network.few_labels.naive_bayes import UnlabelledWords, naive_bayes_weights
from wave_network.models.numpy_ops import softmax
from wave_network.numerics.dense import inner, product, solve
from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svm import LABELS_AT_ONCE, one_against_rest

_COST: Final = 1.0  # of the support vector machine
_TOLERANCE: Final = 0.01
_RIDGE: Final = 1.0


class View(Protocol):
    """A classifier of the texts that it was made with."""

    @property
    def prior(self) -> float:
        """Its weight in a pool of views that few labels decide on."""

    def scores(self, texts: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Learn from labelled texts, and score all texts.

        Args:
            texts: The indices of the labelled texts to learn from.
            targets: The probabilities of their classes, (labelled texts, classes); each class is
                the most probable one of some text.

        Returns:
            A score for each class, of any scale, (all texts, classes).
        """


@dataclass(frozen=True)
class LinearView:
    """A linear support vector machine, of labelled texts alone.

    Attributes:
        features: Rows of length 1, (texts, features).
        seed: Seed of the solver.
        prior: See `View`.
    """

    features: CsrMatrix
    seed: int
    prior: float = 0.0

    def scores(self, texts: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score by margins; see `View`."""
        classes, chosen = targets.argmax(axis=1), self.features.select_rows(texts)
        costs = np.full(len(texts), _COST, np.float32)
        margins = np.empty((self.features.shape[0], targets.shape[1]), np.float32)
        for begin in range(0, targets.shape[1], LABELS_AT_ONCE):
            labels = np.arange(targets.shape[1])[begin : begin + LABELS_AT_ONCE]
            scales = np.ones((chosen.shape[1], len(labels)), np.float32)
            weights, bias = one_against_rest(
                chosen, classes[:, None] == labels, scales, costs, self.seed, tolerance=_TOLERANCE
            )
            margins[:, labels] = self.features @ weights + bias
        return margins


@dataclass(frozen=True)
class VectorView:
    """Ridge regression on the vectors of texts.

    Attributes:
        vectors: Vectors of length 1, float32, (texts, dimensions).
        prior: See `View`.
    """

    vectors: NDArray[np.float32]
    prior: float = 0.0

    def scores(self, texts: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score by the regression on the targets; see `View`."""
        chosen, shares = self.vectors[texts], targets.sum(axis=0)
        # Each class counts alike, however many texts it has.
        weights = (targets / shares).sum(axis=1, keepdims=True) * len(texts) / len(shares)
        centre = np.average(chosen, axis=0, weights=weights[:, 0])
        inputs = chosen - centre
        products = inner(inputs, weights * inputs)
        products[np.diag_indices_from(products)] += _RIDGE
        outputs = targets - np.float32(1 / len(shares))
        solution = solve(products, inner(inputs, weights * outputs))
        return product(self.vectors - centre, solution)


@dataclass(frozen=True)
class NaiveBayesView:
    """Naive Bayes with expectation maximisation; see `naive_bayes.py`.

    Attributes:
        words: 1 where the text has the word, else 0, (texts, words).
        unlabelled: Those of the unlabelled texts, which come last.
        first: Another view, which gives the first estimate of their classes.
        prior: See `View`.
    """

    words: CsrMatrix
    unlabelled: UnlabelledWords
    first: View
    prior: float = 0.0

    def scores(self, texts: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score by log-odds; see `View`."""
        count = self.unlabelled.rows.shape[0]
        estimated = self.first.scores(texts, targets)[-count:]
        estimated = estimated - estimated.mean(axis=1, keepdims=True)
        estimated = softmax(estimated / max(float(estimated.std()), 1e-6))
        weights = naive_bayes_weights(
            self.words.select_rows(texts), targets, self.unlabelled, estimated
        )
        result: NDArray[np.float32] = self.words @ weights
        return result
