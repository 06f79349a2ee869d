"""The settings of TF-IDF and fastText, by the number of training texts.

With many texts they are the usual ones. These fail with few: TF-IDF drops the features that occur
in one text only, which are most of them, and fastText makes too few updates to learn anything. The
settings for few texts were chosen on training rows (`benchmarks/peer_settings.py`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

MANY_TEXTS: Final = 20_000
"""From so many training texts on, the usual settings apply."""

_UPDATES: Final = 400_000
_LEAST_EPOCHS: Final = 25
_MOST_EPOCHS: Final = 400


class TfidfSettings(NamedTuple):
    """Settings of `TfidfClassifier`.

    Attributes:
        min_texts: A feature occurs in at least so many training texts.
        cost: Of a training error (the SVM's C): the lower, the stronger the regularisation.
    """

    min_texts: int
    cost: float


class FastTextSettings(NamedTuple):
    """Settings of `FastTextClassifier`.

    Attributes:
        epochs: Passes over the training texts.
        learning_rate: At the start of training; it falls to 0.
    """

    epochs: int
    learning_rate: float


def tfidf_settings(texts: int) -> TfidfSettings:
    """The settings for this number of training texts."""
    if texts < MANY_TEXTS:
        return TfidfSettings(min_texts=1, cost=5.0)
    return TfidfSettings(min_texts=2, cost=0.5)


def fasttext_settings(texts: int) -> FastTextSettings:
    """The settings for this number of training texts."""
    if texts < MANY_TEXTS:
        epochs = min(max(_UPDATES // texts, _LEAST_EPOCHS), _MOST_EPOCHS)
        return FastTextSettings(epochs, learning_rate=1.0)
    return FastTextSettings(epochs=5, learning_rate=0.25)
