"""The classifiers that Wave Network is compared with, each ready to fit.

`BASELINES` makes one by its name: `BASELINES["fasttext-bigram"](seed=0, threads=2)`. The libraries
behind them load on first use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from wave_network.baselines.fasttext import FastTextClassifier
from wave_network.baselines.tfidf import TfidfClassifier
from wave_network.config import Label

__all__ = ["BASELINES", "Baseline", "FastTextClassifier", "TfidfClassifier"]


class Baseline(Protocol):
    """What every baseline can do."""

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> Baseline:
        """Train on texts and their labels."""

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text, of the type it had in training."""

    def num_parameters(self) -> int:
        """Numbers learnt from the training texts."""

    def size_bytes(self) -> int:
        """Bytes of the trained model on disk, in its library's usual format."""


class MakeBaseline(Protocol):
    """Makes a baseline that is not trained yet."""

    def __call__(self, *, seed: int, threads: int) -> Baseline:
        """Make it, to train by this seed and, where its library can, with so many threads."""


def _fasttext(word_ngrams: int, buckets: int, learning_rate: float) -> MakeBaseline:
    def make(*, seed: int, threads: int) -> FastTextClassifier:
        return FastTextClassifier(
            word_ngrams=word_ngrams,
            buckets=buckets,
            learning_rate=learning_rate,
            seed=seed,
            threads=threads,
        )

    return make


def _tfidf(word_ngrams: int) -> MakeBaseline:
    # scikit-learn trains these with one thread.
    def make(*, seed: int, threads: int) -> TfidfClassifier:
        return TfidfClassifier(word_ngrams=word_ngrams, seed=seed)

    return make


BASELINES: Final[Mapping[str, MakeBaseline]] = {
    "fasttext-unigram": _fasttext(word_ngrams=1, buckets=0, learning_rate=0.25),
    "fasttext-bigram": _fasttext(word_ngrams=2, buckets=2_000_000, learning_rate=0.25),
    "fasttext-bigram-10m": _fasttext(word_ngrams=2, buckets=10_000_000, learning_rate=0.5),
    "tfidf-unigram": _tfidf(word_ngrams=1),
    "tfidf-bigram": _tfidf(word_ngrams=2),
}
