"""Compare `small` with peers on many classes of a few short texts, made up from a seed.

    python benchmarks/many_classes.py [--classes 300,1000] [--texts 15] [--seed 0]

Each class has six key words among 20,000. Each text has eight words: three of its class's key words
and five random ones. One text per class is held out, 2,000 at most. A row of accuracy and seconds
per model and number of classes is added to the CSV file.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from conditions import HERE

OUTPUT: Final = HERE / "data" / "many_classes.csv"
_WORDS: Final = 20_000
_KEYS: Final = 6
_MOST_TESTED: Final = 2_000

Texts: TypeAlias = list[str]
Labels: TypeAlias = NDArray[np.int64]
Model: TypeAlias = Callable[[Texts, Labels, Texts, int], Labels]


def make(classes: int, texts: int, seed: int) -> tuple[Texts, Labels, Texts, Labels]:
    """Training texts, their classes, test texts, their classes."""
    random = np.random.default_rng(seed)
    keys = np.stack([random.choice(_WORDS, _KEYS, replace=False) for _ in range(classes)])

    def write(labels: Labels) -> Texts:
        rows = []
        for label in labels:
            own = random.choice(keys[label], 3, replace=False)
            words = random.permutation(np.concatenate([own, random.integers(0, _WORDS, 5)]))
            rows.append(" ".join(f"w{word:05d}" for word in words))
        return rows

    training = np.repeat(np.arange(classes), texts)
    tested = random.permutation(classes)[:_MOST_TESTED]
    return write(training), training, write(tested), tested


def small(texts: Texts, labels: Labels, tested: Texts, seed: int) -> Labels:
    """The preset `small` as it is."""
    from wave_network import WaveClassifier

    model = WaveClassifier("small", seed=seed).fit(texts, labels.tolist())
    return np.asarray(model.predict(tested))


def naive_bayes(texts: Texts, labels: Labels, tested: Texts, seed: int) -> Labels:
    """Multinomial naive Bayes over words."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    words = CountVectorizer()
    model = MultinomialNB().fit(words.fit_transform(texts), labels)
    return np.asarray(model.predict(words.transform(tested)))


def support_vectors(texts: Texts, labels: Labels, tested: Texts, seed: int) -> Labels:
    """A linear support vector machine over TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer()
    model = LinearSVC(random_state=seed).fit(words.fit_transform(texts), labels)
    return np.asarray(model.predict(words.transform(tested)))


def fasttext(texts: Texts, labels: Labels, tested: Texts, seed: int) -> Labels:
    """FastText with 25 epochs."""
    import tempfile
    from pathlib import Path

    from fasttext import train_supervised

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        lines = [f"__label__{label} {text}" for label, text in zip(labels, texts, strict=True)]
        file.write_text("\n".join(lines), encoding="utf-8")
        model = train_supervised(str(file), epoch=25, lr=0.5, thread=2, verbose=0)
    found = [model.f.predict(text + "\n", 1, 0.0, "strict")[0][1] for text in tested]
    return np.array([int(label.removeprefix("__label__")) for label in found])


MODELS: Final[dict[str, Model]] = {
    "small": small,
    "naive-bayes": naive_bayes,
    "tfidf-svm": support_vectors,
    "fasttext": fasttext,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", default="100,300,1000,3000,10000")
    parser.add_argument("--texts", type=int, default=15, help="training texts per class")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    for classes in map(int, given.classes.split(",")):
        texts, labels, tested, truth = make(classes, given.texts, given.seed)
        for name in given.models.split(","):
            started = time.perf_counter()
            accuracy = float(np.mean(MODELS[name](texts, labels, tested, given.seed) == truth))
            seconds = time.perf_counter() - started
            row = [name, classes, given.texts, given.seed, f"{accuracy:.4f}", f"{seconds:.1f}"]
            print(*row, flush=True)
            is_new = not OUTPUT.exists()
            with OUTPUT.open("a", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                if is_new:
                    writer.writerow(["model", "classes", "texts", "seed", "accuracy", "seconds"])
                writer.writerow(row)


if __name__ == "__main__":
    main()
