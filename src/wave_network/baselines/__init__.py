"""The classifiers that Wave Network is compared with.

`BASELINES` builds one by name: `BASELINES["fasttext-bigram"](seed=0, threads=2)`. Their libraries
are imported on first use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from numpy.typing import NDArray

from wave_network.baselines.fasttext import FastTextClassifier
from wave_network.baselines.settings import FastTextSettings
from wave_network.baselines.tfidf import TfidfClassifier
from wave_network.config import Label
from wave_network.errors import extra_needed

__all__ = ["BASELINES", "Baseline", "FastTextClassifier", "TfidfClassifier"]

AUTOTUNE_SECONDS: Final = 60
"""Search time of "fasttext-autotuned"; fastText's default is five minutes."""


class Baseline(Protocol):
    """The interface of a baseline."""

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> Baseline:
        """Train on texts and their labels."""

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """Predict the label of each text, of the type it had in training."""

    def num_parameters(self) -> int:
        """Return the number of values learnt from the training texts."""

    def size_bytes(self) -> int:
        """Return the bytes of the trained model on disk, in its library's usual format."""


class MakeBaseline(Protocol):
    """Builds an untrained baseline."""

    def __call__(self, *, seed: int, threads: int) -> Baseline:
        """Build it with a seed and, if its library supports it, a number of threads."""


def _fasttext(
    word_ngrams: int, buckets: int, settings: FastTextSettings | None = None
) -> MakeBaseline:
    def make(*, seed: int, threads: int) -> FastTextClassifier:
        return FastTextClassifier(
            word_ngrams=word_ngrams,
            buckets=buckets,
            settings=settings,
            seed=seed,
            threads=threads,
        )

    return make


def _fasttext_autotuned(*, seed: int, threads: int) -> FastTextClassifier:
    return FastTextClassifier(autotune_seconds=AUTOTUNE_SECONDS, seed=seed, threads=threads)


def _tfidf(word_ngrams: int) -> MakeBaseline:
    # scikit-learn trains these with one thread.
    def make(*, seed: int, threads: int) -> TfidfClassifier:
        return TfidfClassifier(word_ngrams=word_ngrams, seed=seed)

    return make


def _model2vec(*, seed: int, threads: int) -> Baseline:
    from wave_network.baselines.model2vec import Model2VecClassifier

    return Model2VecClassifier(seed=seed)


def _transformer(*, seed: int, threads: int) -> Baseline:
    with extra_needed("baselines", "the Transformer baseline"):
        from wave_network.baselines.transformer_classifier import TransformerClassifier

    return TransformerClassifier(seed=seed)


# Torch takes its number of threads from the environment.
BASELINES: Final[Mapping[str, MakeBaseline]] = {
    "fasttext-unigram": _fasttext(word_ngrams=1, buckets=0),
    "fasttext-bigram": _fasttext(word_ngrams=2, buckets=2_000_000),
    "fasttext-bigram-10m": _fasttext(
        word_ngrams=2, buckets=10_000_000, settings=FastTextSettings(epochs=5, learning_rate=0.5)
    ),
    "fasttext-autotuned": _fasttext_autotuned,
    "tfidf-unigram": _tfidf(word_ngrams=1),
    "tfidf-bigram": _tfidf(word_ngrams=2),
    "model2vec": _model2vec,
    "transformer": _transformer,
}
