"""Label sets with a stated coverage: split conformal prediction.

The labels of a set are those whose probability reaches a bar (the least ambiguous set-valued
classifier: Sadinle, Lei and Wasserman 2019). The bar for a coverage c is the k-th highest of the
true labels' probabilities on n validation texts, k = ceil((n + 1) c). If a new text and these n are
exchangeable, as drawn in random order from one source, its set holds its true label with a
probability of at least c, and of at most c + 1 / (n + 1) where no probabilities are equal: whatever
the model, on average over texts, not for each class or kind of text.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError, option_name

STEPS: Final = 1_000
"""Coverages are kept in steps of a thousandth; what is asked for in between is rounded up."""


def conformal_bars(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> list[float]:
    """The bar for each coverage of 1, 2, ... thousandths, as far as the texts are enough for it.

    Args:
        probabilities: Of texts that were not trained on, (texts, classes).
        labels: Their class indices, (texts,).

    Returns:
        Probabilities, rounded down to 6 digits, never rising; at most 999, and fewer of fewer than
        999 texts: n of them give a coverage of n / (n + 1) at most.
    """
    texts = len(labels)
    true = np.sort(probabilities[np.arange(texts), labels])[::-1]
    most = min(STEPS - 1, STEPS * texts // (texts + 1))
    ranks = [-(-(texts + 1) * step // STEPS) for step in range(1, most + 1)]  # rounded up
    return [floor(float(true[rank - 1]) * 1e6) / 1e6 for rank in ranks]


def bar_for(coverage: float, bars: list[float] | None) -> float:
    """The least probability of a label in a set of that coverage.

    Args:
        coverage: Above 0, below 1.
        bars: As `conformal_bars` gives them; None for a model that has none.

    Raises:
        ConfigError: If the model has none, or had too few validation texts for this coverage.
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"{option_name('coverage')} must be between 0 and 1; got {coverage}")
    if not bars:
        raise ConfigError("this model has no label sets: train it again, with this version")
    step = ceil(round(STEPS * coverage, 6))  # 0.07 is 70.00000000000001 thousandths
    if step > len(bars):
        raise ConfigError(
            f"coverage {coverage} needs more validation texts than this model had: it can give "
            f"{len(bars) / STEPS} at most"
        )
    return bars[step - 1]
