"""Support vector machines, one label against the others, with features scaled for each label."""

from __future__ import annotations

import warnings
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads
from wave_network.errors import extra_needed
from wave_network.numerics.sparse import CsrMatrix

_LEAST_PASSES: Final = 3  # more improve the fit little
_MOST_PASSES: Final = 60
_MANY_STEPS: Final = 100_000  # with few texts, more passes cost little

LABELS_AT_ONCE: Final = 16
"""Labels in one call; bounds the memory."""


class Fit(NamedTuple):
    """How closely machines fit the texts.

    Attributes:
        cost: The cost of a text of weight 1.
        tolerance: Stop when no text violates its optimality condition by a larger margin.
        even_share: The share of each feature's scale that does not depend on the label.
    """

    cost: float
    tolerance: float
    even_share: float


MANY_TEXTS: Final = Fit(cost=0.5, tolerance=0.1, even_share=0.5)
"""The usual fit; a smaller tolerance changes the predictions of many texts little."""


def one_against_rest(
    features: CsrMatrix,
    having: NDArray[np.bool_],
    scales: NDArray[np.float32],
    costs: NDArray[np.float32],
    seed: int,
    *,
    tolerance: float = MANY_TEXTS.tolerance,
    most_passes: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit linear one-against-rest support vector machines with squared hinge losses.

    Dual coordinate descent (Hsieh et al., 2008) minimises, for each label k, half the squared
    length of (w, b) plus the sum over the texts of cost * max(0, 1 - y (w . x_k + b))^2, where x_k
    is a text's features times the scales of the label. The native module fits all labels in the
    same passes; without it, scikit-learn's `LinearSVC` fits them one after the other.

    Args:
        features: (texts, features), no column twice in a row.
        having: Which texts have which label, (texts, labels), at most `LABELS_AT_ONCE` labels.
        scales: The scale of each feature for each label, (features, labels).
        costs: The cost of each text, above 0, (texts,).
        seed: Seed of the order of the texts.
        tolerance: Stop when no text violates its optimality condition by a larger margin.
        most_passes: Maximum number of passes. None: `passes_for` the texts.

    Returns:
        Weights of the unscaled features, float32, (features, labels), and biases, (labels,).

    Raises:
        MissingExtraError: If there is neither the native module nor scikit-learn.
    """
    if most_passes is None:
        most_passes = passes_for(len(costs))
    if _native.compiled is None:
        return _by_library(features, having, scales, costs, seed, tolerance, most_passes)
    weights = np.empty_like(scales)
    bias = np.empty(scales.shape[1], np.float32)
    _native.compiled.dual_coordinate_descent(
        offsets=features.indptr,
        features=features.indices,
        values=features.data,
        costs=costs.astype(np.float32, copy=False),
        having=np.ascontiguousarray(having),
        scales=np.ascontiguousarray(scales),
        weights=weights,
        bias=bias,
        seed=seed,
        tolerance=tolerance,
        most_passes=most_passes,
        threads=threads.current,
    )
    return weights, bias


def passes_for(texts: int) -> int:
    """Return the maximum number of passes over this many texts: 3, or up to 60 over few."""
    enough = -(-_MANY_STEPS // max(texts, 1))
    return min(max(enough, _LEAST_PASSES), _MOST_PASSES)


def _by_library(
    features: CsrMatrix,
    having: NDArray[np.bool_],
    scales: NDArray[np.float32],
    costs: NDArray[np.float32],
    seed: int,
    tolerance: float,
    most_passes: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with extra_needed("train", "fitting the linear part without compiled code"):
        from scipy.sparse import csr_array
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

    weights, bias = np.empty_like(scales), np.empty(scales.shape[1], np.float32)
    for label, scale in enumerate(scales.T):
        values = features.data * scale[features.indices]
        indptr = features.indptr.astype(np.int32)  # the only type that it reads
        scaled = csr_array((values, features.indices, indptr), shape=features.shape)
        machine = LinearSVC(tol=tolerance, max_iter=most_passes, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine.fit(scaled, having[:, label], sample_weight=costs)
        weights[:, label] = machine.coef_[0] * scale
        bias[label] = machine.intercept_[0]
    return weights, bias
