"""The peers of `few_labels.py`: what others use with few labels.

A model prepares itself once, by the archive without its labels or by a pretrained encoder, and is
then fitted to every draw of labelled texts. The peers' settings were chosen on training rows
(`few_labels_settings.py`). Libraries are imported on first use.
"""

from __future__ import annotations

import pickle
import random
import shutil
import tempfile
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from few_labels_data import Labelled
from pretrained import Encoder, encoder_folder, static_vectors
from wave_network.baselines import TfidfClassifier
from wave_network.baselines.fasttext import normalize

_LABEL_PREFIX: Final = "__LABEL__"  # no word starts like this: words are in lower case


@dataclass(frozen=True)
class Setup:
    """What every model is made with.

    Attributes:
        archive: Texts without labels.
        cache: A folder for what the encoder gives.
        threads: How many a model may use, if its library supports it.
    """

    archive: Sequence[str]
    cache: Path
    threads: int


class Model(ABC):
    """A classifier for few labels.

    Attributes:
        semi_supervised: Whether it is fitted to texts of the archive, too.
        imports: Modules to import before anything is timed.
    """

    semi_supervised = False
    imports: tuple[str, ...] = ()

    def prepare(self) -> None:  # noqa: B027
        """Learn from the archive what does not depend on the labels, if anything."""

    @abstractmethod
    def fit(self, labelled: Labelled, unlabelled: NDArray[np.intp], seed: int) -> None:
        """Train on labelled texts, and on the places of the archive that are not among them."""

    @abstractmethod
    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text."""

    @abstractmethod
    def size_bytes(self) -> int:
        """Bytes of the trained model on disk, in its library's usual format."""


class Tfidf(Model):
    """TF-IDF with a linear SVM, on the labelled texts alone."""

    imports = ("sklearn.feature_extraction.text", "sklearn.pipeline", "sklearn.svm")

    def __init__(self, setup: Setup, *, word_ngrams: int) -> None:
        self._word_ngrams = word_ngrams

    def fit(self, labelled: Labelled, unlabelled: NDArray[np.intp], seed: int) -> None:
        """Train."""
        self._model = TfidfClassifier(word_ngrams=self._word_ngrams, seed=seed).fit(*labelled)

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text."""
        return self._model.predict(texts)

    def size_bytes(self) -> int:
        """Bytes of the pickled pipeline."""
        return self._model.size_bytes()


class LatentPeer(Model):
    """A semi-supervised classifier of scikit-learn on LSA of the archive.

    LSA: TF-IDF of words and n-grams, the largest singular vectors, texts scaled to length 1.

    Args:
        setup: What every model is made with.
        make: Makes the classifier.
        components: Of the LSA.
        word_ngrams: Most words of a feature.
        min_texts: Fewest texts of the archive that have a feature.
    """

    semi_supervised = True
    imports = (
        *("sklearn.decomposition", "sklearn.feature_extraction.text", "sklearn.linear_model"),
        *("sklearn.pipeline", "sklearn.preprocessing", "sklearn.semi_supervised"),
    )

    def __init__(
        self,
        setup: Setup,
        *,
        make: Callable[[], Any],
        components: int = 100,
        word_ngrams: int = 2,
        min_texts: int = 5,
    ) -> None:
        self._archive = setup.archive
        self._make = make
        self._shape = (components, word_ngrams, min_texts)

    def prepare(self) -> None:
        """Fit the LSA."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import Normalizer

        components, ngrams, least = self._shape
        self._latent = make_pipeline(
            TfidfVectorizer(
                sublinear_tf=True, ngram_range=(1, ngrams), min_df=least, dtype=np.float32
            ),
            TruncatedSVD(components, random_state=0),
            Normalizer(copy=False),
        )
        self._features = self._latent.fit_transform(self._archive)

    def fit(self, labelled: Labelled, unlabelled: NDArray[np.intp], seed: int) -> None:
        """Train."""
        self._classes, known = np.unique(np.array(labelled.labels), return_inverse=True)
        features = np.concatenate(
            [self._latent.transform(labelled.texts), self._features[unlabelled]]
        )
        targets = np.concatenate([known, np.full(len(unlabelled), -1)])
        self._classifier = self._make()
        with warnings.catch_warnings():  # that it stopped before it converged
            warnings.simplefilter("ignore")
            self._classifier.fit(features, targets)

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text."""
        found = self._classifier.predict(self._latent.transform(texts))
        labels: NDArray[Any] = self._classes[found]
        return labels

    def size_bytes(self) -> int:
        """Bytes of the pickled LSA and classifier."""
        return len(pickle.dumps((self._latent, self._classifier), pickle.HIGHEST_PROTOCOL))


def self_training(*, cost: float = 10.0, threshold: float = 0.75) -> Any:  # noqa: ANN401
    """A logistic regression that labels texts of which it is sure, and learns from them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import SelfTrainingClassifier

    return SelfTrainingClassifier(LogisticRegression(C=cost, max_iter=500), threshold=threshold)


def label_spreading(*, neighbours: int = 100, alpha: float = 0.8) -> Any:  # noqa: ANN401
    """Labels spread along a graph of nearest neighbours."""
    from sklearn.semi_supervised import LabelSpreading

    return LabelSpreading(kernel="knn", n_neighbors=neighbours, alpha=alpha, max_iter=100)


class VectorPeer(Model):
    """A logistic regression on pretrained vectors of texts.

    Args:
        setup: What every model is made with.
        kind: `encoder`: the encoder's; `static`: means of the static vectors distilled from it.
        costs: The regression's C is chosen among these by cross-validation.
    """

    imports = ("sklearn.linear_model", "sklearn.model_selection")

    def __init__(
        self, setup: Setup, *, kind: str, costs: Sequence[float] = (1.0, 10.0, 100.0)
    ) -> None:
        self._costs = costs
        if kind == "encoder":
            self._encode = Encoder(setup.cache).encode
            self._folder = encoder_folder()
            return
        from model2vec import StaticModel

        self._folder = static_vectors(setup.cache)
        vectors = StaticModel.from_pretrained(self._folder)
        self._encode = lambda texts: np.asarray(vectors.encode(texts), np.float32)

    def fit(self, labelled: Labelled, unlabelled: NDArray[np.intp], seed: int) -> None:
        """Choose the regression's C, and train it."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV

        search = GridSearchCV(LogisticRegression(max_iter=1_000), {"C": self._costs}, cv=3)
        search.fit(self._encode(labelled.texts), labelled.labels)
        self._classifier = search.best_estimator_

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text."""
        labels: NDArray[Any] = self._classifier.predict(self._encode(texts))
        return labels

    def size_bytes(self) -> int:
        """Bytes of the model's folder and of the pickled regression."""
        files = ("config.json", "model.safetensors", "tokenizer.json")
        classifier = pickle.dumps(self._classifier, pickle.HIGHEST_PROTOCOL)
        return sum((self._folder / file).stat().st_size for file in files) + len(classifier)


class Model2Vec(Model):
    """model2vec's classifier on the static vectors distilled from the encoder, which it tunes.

    Args:
        setup: What every model is made with.
        rate: Its learning rate.
    """

    imports = ("torch._dynamo", "model2vec.train")

    def __init__(self, setup: Setup, *, rate: float = 0.01) -> None:
        from model2vec import StaticModel

        self._vectors = StaticModel.from_pretrained(static_vectors(setup.cache))
        self._rate = rate

    def fit(self, labelled: Labelled, unlabelled: NDArray[np.intp], seed: int) -> None:
        """Train."""
        from model2vec.train import StaticModelForClassification

        self._classes, known = np.unique(np.array(labelled.labels), return_inverse=True)
        model = StaticModelForClassification.from_static_model(model=self._vectors)
        names = [str(index) for index in known]
        model.fit(labelled.texts, names, learning_rate=self._rate, random_seed=seed, device="cpu")
        self._pipeline = model.to_pipeline()

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text."""
        found = self._pipeline.predict(list(texts)).astype(np.intp)
        labels: NDArray[Any] = self._classes[found]
        return labels

    def size_bytes(self) -> int:
        """Bytes of the model's folder, without its card."""
        with tempfile.TemporaryDirectory() as folder:
            self._pipeline.save_pretrained(folder)
            files = (path for path in Path(folder).iterdir() if path.suffix != ".md")
            return sum(path.stat().st_size for path in files)


class FastText(Model):
    """fastText's classifier that starts from vectors of its own skip-gram model of the archive.

    Args:
        setup: What every model is made with.
        updates: Texts that it learns from, counted in every epoch.
        rate: The learning rate.
    """

    imports = ("fasttext",)
    WIDTH: Final = 100

    def __init__(self, setup: Setup, *, updates: int = 20_000, rate: float = 0.1) -> None:
        self._setup = setup
        self._updates = updates
        self._rate = rate
        self._folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._vectors = self._folder / "archive.vec"

    def prepare(self) -> None:
        """Train the skip-gram model, and write its `.vec` file."""
        import fasttext

        lines = [f"{normalize(text)}\n" for text in self._setup.archive]
        model = fasttext.train_unsupervised(
            _write(self._folder / "archive.txt", lines),
            model="skipgram",
            dim=self.WIDTH,
            thread=self._setup.threads,
            verbose=0,
        )
        words = model.get_words()
        rows = [f"{len(words)} {self.WIDTH}\n"]
        for word in words:
            numbers = " ".join(f"{value:.5g}" for value in model.get_word_vector(word))
            rows.append(f"{word} {numbers}\n")
        _write(self._vectors, rows)

    def fit(self, labelled: Labelled, unlabelled: NDArray[np.intp], seed: int) -> None:
        """Train."""
        import fasttext

        self._classes, known = np.unique(np.array(labelled.labels), return_inverse=True)
        lines = [
            f"{_LABEL_PREFIX}{label} {normalize(text)}\n"
            for label, text in zip(known, labelled.texts, strict=True)
        ]
        # fastText keeps the order of the file, and learns badly from texts sorted by class.
        random.Random(seed).shuffle(lines)
        with tempfile.TemporaryDirectory() as folder:
            self._model = fasttext.train_supervised(
                _write(Path(folder, "train.txt"), lines),
                label=_LABEL_PREFIX,
                pretrainedVectors=str(self._vectors),
                dim=self.WIDTH,
                bucket=0,
                epoch=max(5, self._updates // len(lines)),
                lr=self._rate,
                seed=seed,
                thread=self._setup.threads,
                verbose=0,
            )

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text."""
        lines = [f"{normalize(text)}\n" for text in texts]
        # Calls the binding, because the library's `predict` fails with NumPy 2.
        names, _ = self._model.f.multilinePredict(lines, 1, 0.0, "strict")
        found = [int(name[0].removeprefix(_LABEL_PREFIX)) for name in names]
        labels: NDArray[Any] = self._classes[np.array(found, np.intp)]
        return labels

    def size_bytes(self) -> int:
        """Bytes of the `.bin` file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.bin")
            self._model.save_model(str(path))
            return path.stat().st_size


def _write(path: Path, lines: Sequence[str]) -> str:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    return str(path)


PEERS: Final[Mapping[str, Callable[[Setup], Model]]] = {
    "tfidf-unigram": partial(Tfidf, word_ngrams=1),
    "tfidf-bigram": partial(Tfidf, word_ngrams=2),
    "fasttext-vectors": FastText,
    "self-training": partial(LatentPeer, make=self_training),
    "label-spreading": partial(LatentPeer, make=label_spreading),
    "static-vectors": partial(VectorPeer, kind="static"),
    "model2vec-vectors": Model2Vec,
    "encoder": partial(VectorPeer, kind="encoder"),
}
