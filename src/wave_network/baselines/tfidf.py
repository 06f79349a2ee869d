"""TF-IDF with a linear SVM, the usual text classifier of scikit-learn."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wave_network.baselines.settings import TfidfSettings, tfidf_settings
from wave_network.config import Label
from wave_network.data import SingleLabel
from wave_network.errors import MissingExtraError


class TfidfClassifier:
    """`TfidfVectorizer` (sublinear term frequencies) followed by `LinearSVC`.

    Args:
        word_ngrams: Maximum length of word n-grams.
        settings: Settings; None: those for the number of training texts.
        seed: Seed of the order in which the SVM visits the texts.
    """

    def __init__(
        self, *, word_ngrams: int = 1, settings: TfidfSettings | None = None, seed: int = 0
    ) -> None:
        self._word_ngrams = word_ngrams
        self._settings = settings
        self._seed = seed
        self._pipeline: Any = None
        self._classes: NDArray[Any] = np.empty(0)

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> TfidfClassifier:
        """Train on texts and their labels.

        Raises:
            DataError: If the labels are of fewer than two classes, or of mixed types.
            MissingExtraError: If scikit-learn is not installed.
        """
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.pipeline import make_pipeline
            from sklearn.svm import LinearSVC
        except ImportError as error:
            raise MissingExtraError("baselines", "the TF-IDF baseline") from error
        labelling = SingleLabel.learn(labels)
        indices = labelling.encode(labels)
        settings = self._settings or tfidf_settings(len(texts), self._word_ngrams)
        ngrams = (1, self._word_ngrams)
        self._pipeline = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, ngram_range=ngrams, min_df=settings.min_texts),
            LinearSVC(C=settings.cost, random_state=self._seed),
        )
        self._pipeline.fit(texts, indices)
        self._classes = np.array(labelling.classes)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """Predict the label of each text, of the type it had in training."""
        if len(texts) == 0:  # scikit-learn rejects an empty list
            return self._classes[:0]
        indices: NDArray[np.int64] = self._pipeline.predict(texts)
        return self._classes[indices]

    def num_parameters(self) -> int:
        """Count the weights of the features, and the SVM's coefficients and intercepts."""
        vectorizer, classifier = self._pipeline[0], self._pipeline[-1]
        return int(vectorizer.idf_.size + classifier.coef_.size + classifier.intercept_.size)

    def size_bytes(self) -> int:
        """Return the bytes of the pickled pipeline."""
        return len(pickle.dumps(self._pipeline, protocol=pickle.HIGHEST_PROTOCOL))
