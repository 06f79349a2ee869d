"""The settings of TF-IDF and fastText, by the number of training texts.

With many texts, the usual settings apply. With few, these fail: TF-IDF would drop all features that
occur in a single text, most of them, and fastText would make too few updates. The settings for few
texts were chosen on training rows (`benchmarks/peer_settings.py`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

MANY_TEXTS: Final = 20_000
"""The usual settings apply from this number of training texts on."""

_TEXTS_FOR_LOWER_RATE: Final = 50_000  # with fewer, fastText is more accurate at a rate of 1
_UPDATES: Final = 400_000
_LEAST_EPOCHS: Final = 25
_MOST_EPOCHS: Final = 400


class TfidfSettings(NamedTuple):
    """Settings of `TfidfClassifier`.

    Attributes:
        min_texts: Minimum number of training texts that contain a feature (`min_df`).
        cost: The SVM's C; lower values regularise more.
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


def tfidf_settings(texts: int, word_ngrams: int) -> TfidfSettings:
    """Return the settings for a number of training texts and a maximum length of n-grams."""
    if texts < MANY_TEXTS:
        return TfidfSettings(min_texts=1, cost=0.5 if word_ngrams == 1 else 5.0)
    return TfidfSettings(min_texts=2, cost=0.5)


def fasttext_settings(texts: int) -> FastTextSettings:
    """Return the settings for a number of training texts."""
    if texts < MANY_TEXTS:
        epochs = min(max(_UPDATES // texts, _LEAST_EPOCHS), _MOST_EPOCHS)
        return FastTextSettings(epochs, learning_rate=1.0)
    rate = 1.0 if texts < _TEXTS_FOR_LOWER_RATE else 0.25
    return FastTextSettings(epochs=5, learning_rate=rate)
