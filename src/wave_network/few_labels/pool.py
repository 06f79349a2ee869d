"""Pool the scores of several views: a logarithmic opinion pool, with fitted weights."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.models.numpy_ops import log_softmax
from wave_network.numerics.minimize import minimize

_SPREAD: Final = 0.5  # prior deviation of the weights


def pool_weights(
    scores: NDArray[np.floating], targets: NDArray[np.floating], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit the weight of each view, none below 0, (views,).

    The pool is the softmax of the weighted sum of scores. The weights maximise the likelihood of
    held-out labels, under a normal prior; without any text they are those of the prior.

    Args:
        scores: Scores of held-out texts, (views, texts, classes).
        targets: The probabilities of their classes, (texts, classes).
        prior: The mean of each weight under the prior, (views,).
    """

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The negative log-posterior and its gradient."""
        logs = log_softmax(np.einsum("v,vtc->tc", weights, scores))
        excess = np.exp(logs) - targets
        apart = weights - prior
        slopes = np.einsum("vtc,tc->v", scores, excess)
        penalty = (apart**2).sum() / (2 * _SPREAD**2)
        return float(penalty - (targets * logs).sum()), slopes + apart / _SPREAD**2

    return minimize(loss, prior, least=0.0)
