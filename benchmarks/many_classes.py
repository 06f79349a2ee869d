"""Compare Wave Network with linear peers and fastText on many classes of few, short texts.

    python benchmarks/many_classes.py --sets 300x50,1000x15,3000x15 --models small,naive-bayes
    python benchmarks/many_classes.py --data DATA/ag_news --sets 300x50 --models small,tfidf-unigram

A set is CLASSESxTEXTS. Without DATA its texts are made: of each class six key words are drawn from
20,000 words; a text is three of them among eight words drawn from all 20,000. With DATA, a training
text lost its rarest word of the CLASSES most frequent ones of at least four letters, which is to be
named: natural texts of many classes, of which most cannot be told. No test row of DATA is read.

Every model and seed gets a process of its own. What the CSV file has from the same code and machine
is not measured again. The terminal shows a table in the end.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from conditions import HERE, Conditions, in_new_process, look_around, peak_mb
from models import Wave, make
from records import Records, Row, newest
from wave_network.baselines import BASELINES, FastTextClassifier
from wave_network.baselines.settings import FastTextSettings
from wave_network.config import PRESETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTPUT: Final = HERE / "data" / "many_classes.csv"
_WORDS, _KEYS, _KEYS_A_TEXT, _OTHERS_A_TEXT = 20_000, 6, 3, 8
_LEAST_LETTERS: Final = 4
_MOST_TEXTS_WITH_WORD: Final = 4_000  # words in more texts tell little of them
_TESTED: Final = 4_000
_PREDICTED_AT_ONCE: Final = 500  # bounds the memory of scikit-learn


@dataclass(frozen=True)
class Cell:
    """What is measured.

    Attributes:
        data: Name of the data whose words are to be named; empty: made texts.
        classes: Number of classes.
        per_class: Number of training texts of each.
        model: A preset, a baseline, or one of `PEERS`.
        seed: Of the texts and the model.
        threads: That the model may use.
    """

    data: str
    classes: int
    per_class: int
    model: str
    seed: int
    threads: int


@dataclass(frozen=True)
class Measurement:
    """What was found.

    Attributes:
        texts: Number of training texts.
        accuracy: In percent, on texts drawn like the training texts.
        train_seconds: From the texts to the trained model.
        predict_ms: A text.
        parameters: Trained parameters; empty where they were not counted.
        peak_mb: The largest memory of the process.
    """

    texts: int
    accuracy: float
    train_seconds: float
    predict_ms: float
    parameters: int | None
    peak_mb: float


KINDS: Final = (Conditions, Cell, Measurement)


class Sample(NamedTuple):
    """Training and test texts with their labels."""

    texts: list[str]
    labels: NDArray[np.int64]
    new_texts: list[str]
    new_labels: NDArray[np.int64]


class NaiveBayes:
    """Multinomial naive Bayes of scikit-learn over counts, or TF-IDF, of words."""

    def __init__(self, vectorizer: str) -> None:
        from sklearn.feature_extraction import text
        from sklearn.naive_bayes import MultinomialNB
        from sklearn.pipeline import make_pipeline

        self._pipeline = make_pipeline(getattr(text, vectorizer)(), MultinomialNB(alpha=0.1))

    def fit(self, texts: Sequence[str], labels: NDArray[np.int64]) -> NaiveBayes:
        """Train."""
        self._pipeline.fit(texts, labels)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The most probable label of each text."""
        starts = range(0, len(texts), _PREDICTED_AT_ONCE)
        parts = [self._pipeline.predict(texts[i : i + _PREDICTED_AT_ONCE]) for i in starts]
        return np.concatenate(parts)


class WideFastText(FastTextClassifier):
    """fastText with its default of 100 dimensions instead of 10."""

    def _options(self, texts: int) -> dict[str, Any]:
        return super()._options(texts) | {"dim": 100}


PEERS: Final[dict[str, Callable[[int, int], Any]]] = {
    "naive-bayes": lambda seed, threads: NaiveBayes("CountVectorizer"),
    "naive-bayes-tfidf": lambda seed, threads: NaiveBayes("TfidfVectorizer"),
    "fasttext-25": lambda seed, threads: FastTextClassifier(
        settings=FastTextSettings(epochs=25, learning_rate=1.0), seed=seed, threads=threads
    ),
    "fasttext-25-wide": lambda seed, threads: WideFastText(
        settings=FastTextSettings(epochs=25, learning_rate=0.5), seed=seed, threads=threads
    ),
}


def main() -> None:
    """Measure what the file does not have yet; print a table."""
    options = parse()
    if options.worker:
        print(json.dumps(asdict(measure(json.loads(options.worker)))))
        return
    records = Records(options.output, KINDS)
    failed = []
    for classes, per_class in options.sets:
        for seed in range(options.seeds):
            for model in options.models:
                name = Path(options.data).name if options.data else ""
                cell = Cell(name, classes, per_class, model, seed, options.threads)
                if measured(records, cell, options.data) is None:
                    failed.append(f"{model} of {classes} classes")
    print(table(newest(records.read(), ("data", "classes", "per_class", "model"))))
    if failed:
        sys.exit(f"no row for {', '.join(failed)}: see above")


def parse() -> argparse.Namespace:
    """Read the command line."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="as for wave-network train (default: made texts)")
    parser.add_argument("--sets", default="100x50,300x50,1000x15,3000x15,10000x15")
    parser.add_argument("--models", default="small,tfidf-unigram,naive-bayes,fasttext-25")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.models = options.models.split(",")
    for model in options.models:
        if model not in (*PRESETS, *BASELINES, *PEERS):
            parser.error(f"no model {model!r}")
    try:
        options.sets = [tuple(map(int, each.split("x"))) for each in options.sets.split(",")]
    except ValueError:
        parser.error("--sets is a list like 300x50,1000x15")
    return options


def measured(records: Records, cell: Cell, data: str | None) -> Row | None:
    """The row of a cell, from the file or measured now; None if that failed."""
    row = asdict(look_around()) | asdict(cell)
    found = records.find({name: row[name] for name in ("commit", "machine", *asdict(cell))})
    print(f"{cell.model}, {cell.classes} classes", file=sys.stderr, flush=True)
    if found:
        return found
    task = asdict(cell) | {"data": data or ""}
    measurement = in_new_process(Path(__file__), task, threads=cell.threads)
    if measurement is None:
        return None
    row |= measurement
    records.append(row)
    return row


def measure(task: dict[str, Any]) -> Measurement:
    """Train and predict in this process."""
    cell = Cell(**task)
    sample = named_words(cell) if cell.data else made_texts(cell)
    model: Any
    if cell.model in PEERS:
        model = PEERS[cell.model](cell.seed, cell.threads)
    else:
        model = make(cell.model, seed=cell.seed, threads=cell.threads)
    start = time.perf_counter()
    model.fit(sample.texts, sample.labels.tolist())
    train_seconds = time.perf_counter() - start
    model.predict(sample.new_texts[:2])
    start = time.perf_counter()
    right = np.asarray(model.predict(sample.new_texts)) == sample.new_labels
    return Measurement(
        texts=len(sample.texts),
        accuracy=round(100 * float(np.mean(right)), 2),
        train_seconds=round(train_seconds, 2),
        predict_ms=round(1000 * (time.perf_counter() - start) / len(sample.new_texts), 4),
        parameters=model.num_parameters() if isinstance(model, Wave) else None,
        peak_mb=round(peak_mb(), 1),
    )


def made_texts(cell: Cell) -> Sample:
    """Three of a class's six key words among eight words drawn from all."""
    random = np.random.default_rng(cell.seed)
    keys = np.array([random.choice(_WORDS, _KEYS, replace=False) for _ in range(cell.classes)])

    def draw(labels: NDArray[np.int64]) -> list[str]:
        texts = []
        for label in labels:
            own = random.choice(keys[label], _KEYS_A_TEXT, replace=False)
            words = np.append(own, random.integers(_WORDS, size=_OTHERS_A_TEXT))
            texts.append(" ".join(f"w{word}" for word in random.permutation(words)))
        return texts

    labels = np.repeat(np.arange(cell.classes), cell.per_class)
    new = random.integers(cell.classes, size=_TESTED)
    return Sample(draw(labels), labels, draw(new), new)


def named_words(cell: Cell) -> Sample:
    """Texts without one of their words, which is their label; each text is used once."""
    from wave_network.data import read_splits

    texts = [re.findall(r"[a-z]+", text.lower()) for text in read_splits(cell.data).train["text"]]
    frequency = Counter(word for words in texts for word in set(words))
    names = [
        word
        for word, count in sorted(frequency.items(), key=lambda item: (-item[1], item[0]))
        if len(word) >= _LEAST_LETTERS and count <= _MOST_TEXTS_WITH_WORD
    ][: cell.classes]
    tested = max(1, _TESTED // cell.classes)
    found: dict[str, list[str]] = {name: [] for name in names}
    for index in np.random.default_rng(cell.seed).permutation(len(texts)):
        free = [
            w for w in set(texts[index]) & found.keys() if len(found[w]) < cell.per_class + tested
        ]
        if free:
            name = min(free, key=lambda word: (frequency[word], word))
            found[name].append(" ".join(word for word in texts[index] if word != name))
    full = [each for each in found.values() if len(each) == cell.per_class + tested]
    labels = np.arange(len(full))
    return Sample(
        [text for each in full for text in each[tested:]],
        labels.repeat(cell.per_class),
        [text for each in full for text in each[:tested]],
        labels.repeat(tested),
    )


def table(rows: Sequence[Row]) -> str:
    """A Markdown table, one line a set and model."""
    lines = [
        "| data | classes x texts | model | accuracy | training, s | ms a text | MB |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        size = f"{row['classes']:,} x {row['per_class']}"
        values = [
            f"{row[name]:,}" for name in ("accuracy", "train_seconds", "predict_ms", "peak_mb")
        ]
        lines.append("| " + " | ".join([row["data"] or "made", size, row["model"], *values]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
