"""Fit how much the linear part counts beside the waves."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.labels import Labelling
from wave_network.data.targets import Targets, soft_targets
from wave_network.evaluation.calibration import log_sums, pairs_of
from wave_network.numerics.minimize import minimize

MARGIN: Final = 12.0
"""Prior weight of the linear part's margins, in logits."""

_SPREAD: Final = 0.5  # prior deviation of the logarithms of both weights
_MOST_LOGITS: Final = 20_000_000  # of validation texts; bounds the memory


def margin_weight(
    logits: NDArray[np.floating],
    margins: NDArray[np.floating],
    targets: Targets,
    labelling: Labelling,
) -> float:
    """Fit the weight of the linear part's margins, in logits, relative to the waves' logits.

    Waves and margins each get a factor, which maximise the likelihood of held-out labels under a
    prior: log-normal around 1 and 12. With few texts, the prior dominates. With thousands of
    classes, some of the texts are enough.

    Args:
        logits: Logits of the waves, (texts, labels).
        margins: Margins of the linear part, (texts, labels).
        targets: Targets of the texts.
        labelling: The model's labelling.
    """
    some = slice(None, None, -(-logits.size // _MOST_LOGITS))
    logits, margins, targets = logits[some], margins[some], targets[some]
    if labelling.multi_label:  # a sigmoid is the softmax of the logit and 0
        nothing = np.zeros_like(logits)
        logits, margins = pairs_of(nothing, logits), pairs_of(nothing, margins)
        having = targets.astype(np.float32)
        targets = pairs_of(1 - having, having).astype(np.float32)
    truth = soft_targets(targets, logits.shape[1]).astype(np.float64)

    def loss(log_factors: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The negative log-posterior and its gradient."""
        of_waves, of_margins = np.exp(log_factors) * (1, MARGIN)
        both = of_waves * logits + of_margins * margins  # (texts, labels)
        totals, shares = log_sums(both)
        unlikely = totals.sum() - (truth * both).sum()
        excess = shares - truth
        of_both = of_waves * (excess * logits).sum(), of_margins * (excess * margins).sum()
        prior = (log_factors**2).sum() / (2 * _SPREAD**2)
        return float(unlikely + prior), np.array(of_both) + log_factors / _SPREAD**2

    of_waves, of_margins = np.exp(minimize(loss, np.zeros(2))) * (1, MARGIN)
    return float(of_margins / of_waves)
