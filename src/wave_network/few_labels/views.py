"""Views: classifiers that see a text in different ways, and err on different texts.

Each learns from some labelled texts and scores all texts. The first learns from labelled texts
alone; the others from unlabelled ones, too: naive Bayes from what words occur together with, and
the latent ones from the vectors of texts, in which words that occur in the same texts are near.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wave_network.few_labels.naive_bayes import UnlabelledWords, naive_bayes_weights
from wave_network.models.numpy_ops import softmax

_COST: Final = 1.0  # of the support vector machine
# Prior weights in the pool, from the training texts of three data sets. What labelled texts alone
# say counts once it proves right.
_LINEAR, _VECTORS, _NAIVE_BAYES = 0.0, 0.1, 0.8
_RIDGE: Final = 1.0


class View(Protocol):
    """A classifier of the texts that it was made with.

    Attributes:
        prior: Its weight in a pool of views that few labels decide on.
    """

    prior: ClassVar[float]

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
    """

    prior: ClassVar[float] = _LINEAR
    features: csr_array
    seed: int

    def scores(self, texts: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score by margins; see `View`."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        machine = LinearSVC(C=_COST, random_state=self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine.fit(self.features[texts], targets.argmax(axis=1))
        margins = machine.decision_function(self.features)
        if margins.ndim == 1:  # one machine separates two classes
            margins = np.stack([-margins, margins], axis=1)
        result: NDArray[np.float32] = margins.astype(np.float32)
        return result


@dataclass(frozen=True)
class VectorView:
    """Ridge regression on the vectors of texts.

    Attributes:
        vectors: Vectors of length 1, float32, (texts, dimensions).
    """

    prior: ClassVar[float] = _VECTORS
    vectors: NDArray[np.float32]

    def scores(self, texts: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score by the regression on the targets; see `View`."""
        chosen, shares = self.vectors[texts], targets.sum(axis=0)
        # Each class counts alike, however many texts it has.
        weights = (targets / shares).sum(axis=1, keepdims=True) * len(texts) / len(shares)
        centre = np.average(chosen, axis=0, weights=weights[:, 0])
        inputs = chosen - centre
        products = inputs.T @ (weights * inputs)
        products[np.diag_indices_from(products)] += _RIDGE
        outputs = targets - np.float32(1 / len(shares))
        solution = np.linalg.solve(products, inputs.T @ (weights * outputs))
        return (self.vectors - centre) @ solution


@dataclass(frozen=True)
class NaiveBayesView:
    """Naive Bayes with expectation maximisation; see `naive_bayes.py`.

    Attributes:
        words: 1 where the text has the word, else 0, (texts, words).
        unlabelled: Those of the unlabelled texts, which come last.
        first: Another view, which gives the first estimate of their classes.
    """

    prior: ClassVar[float] = _NAIVE_BAYES
    words: csr_array
    unlabelled: UnlabelledWords
    first: View

    def scores(self, texts: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score by log-odds; see `View`."""
        count = self.unlabelled.rows.shape[0]
        estimated = self.first.scores(texts, targets)[-count:]
        estimated = estimated - estimated.mean(axis=1, keepdims=True)
        estimated = softmax(estimated / max(float(estimated.std()), 1e-6))
        weights = naive_bayes_weights(self.words[texts], targets, self.unlabelled, estimated)
        result: NDArray[np.float32] = self.words @ weights
        return result
