"""Train, check and time one model in this process; `compare.py` starts it.

Timed with the libraries imported and the texts in memory: training, until the model is in memory;
predicting all test texts in one call; predicting single texts, one call each.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from conditions import HERE, Conditions, forget_peak, peak_mb
from models import Wave, make
from wave_network.baselines import Baseline
from wave_network.config import Label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wave_network.data import Table

OUTPUT: Final = HERE / "data" / "compare.csv"
COSTS: Final = (
    *("train_seconds", "predict_seconds", "texts_per_second", "p50_ms", "p90_ms", "p99_ms"),
    *("cold_seconds", "start_mb", "train_mb", "peak_mb"),
)
"""The columns of times and memory."""

BETTER_THAN_CHANCE: Final = 1.5
_SINGLE_TEXTS: Final = 1_000
_WARM_UP: Final = 50
_LONG_ENOUGH: Final = 10.0


@dataclass(frozen=True)
class Cell:
    """What is measured: the columns that identify a row.

    Attributes:
        data: As for `wave-network train`; in a row, its last part.
        per_class: Training texts drawn of each class, by the seed; None takes all.
        model: One of `models.MODELS`.
        seed: Of the draw and of the model.
        threads: How many the model may use.
        epochs: Of a wave model; None takes the preset's.
        max_length: Of a wave model; None takes the preset's.
        tokenizer: Of a wave model that would take its own from the Hub.
    """

    data: str
    per_class: int | None
    model: str
    seed: int
    threads: int
    epochs: int | None
    max_length: int | None
    tokenizer: str | None


@dataclass(frozen=True)
class Measurement:
    """The results: the other columns of a row; times and memory are None if not measured.

    Attributes:
        predict_seconds: For all test texts; the median of three, or the one if it takes long.
        p50_ms: For one text, warm, the median over many; like the other percentiles.
        cold_seconds: `wave-network predict` for one text, its process's start included; the
            median of seven. None for the others.
        start_mb: Memory before training: the libraries and the texts.
        train_mb: Peak memory while training.
        peak_mb: Peak memory of the process.
        waves_accuracy: Without the linear part's answers, which are silenced after training; None
            for a model without one.
        linear_accuracy: Without the waves' answers.
    """

    train_rows: int
    test_rows: int
    classes: int
    accuracy: float
    macro_f1: float
    train_seconds: float | None
    predict_seconds: float | None
    texts_per_second: float | None
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    cold_seconds: float | None
    start_mb: float | None
    train_mb: float | None
    peak_mb: float | None
    parameters: int
    size_bytes: int
    waves_accuracy: float | None
    linear_accuracy: float | None


KINDS: Final = (Conditions, Cell, Measurement)
"""Dataclasses whose fields are the columns of the file."""


def measure(cell: Cell, *, accuracy_only: bool = False) -> Measurement:
    """Train a model in this process; check its answers and measure its costs.

    Args:
        cell: What to measure.
        accuracy_only: Measure neither times nor memory.

    Raises:
        SystemExit: If the data cannot be used so, or the model is hardly better than chance.
    """
    from wave_network.data import read_splits

    splits = read_splits(cell.data)
    if splits.test is None:
        sys.exit(f"{cell.data} has no test split")
    train_rows = splits.train
    if cell.per_class is not None:
        train_rows = draw(train_rows, cell.per_class, cell.seed)
    train, test = train_rows[:], splits.test[:]
    model = make(
        cell.model,
        seed=cell.seed,
        threads=cell.threads,
        tokenizer=cell.tokenizer,
        epochs=cell.epochs,
        max_length=cell.max_length,
    )
    if accuracy_only:
        model.fit(train["text"], train["label"])
        predicted, costs = model.predict(test["text"]), dict.fromkeys(COSTS)
    else:
        predicted, costs = _costs(model, train, test)
    classes = len(set(train["label"]))
    # With few labels a model may learn nothing, which is an answer too.
    least = BETTER_THAN_CHANCE / classes if cell.per_class is None else 0.0
    accuracy, macro_f1 = score(predicted, test["label"], least)
    return Measurement(
        train_rows=len(train["text"]),
        test_rows=len(test["text"]),
        classes=classes,
        accuracy=round(accuracy, 5),
        macro_f1=round(macro_f1, 5),
        parameters=model.num_parameters(),
        size_bytes=model.size_bytes(),
        waves_accuracy=_accuracy_without("linear", model, test),
        linear_accuracy=_accuracy_without("waves", model, test),
        **costs,
    )


def _accuracy_without(part: str, model: Wave | Baseline, test: Mapping[str, Any]) -> float | None:
    """The accuracy of a wave model with one of its parts silenced; None if it has not both."""
    import numpy as np

    rest = model.without(part) if isinstance(model, Wave) else None
    if rest is None:
        return None
    best = rest.predict_proba(test["text"]).argmax(axis=1)
    right = np.array(rest.labels)[best] == np.array(test["label"])
    return round(float(right.mean()), 5)


def _costs(
    model: Wave | Baseline, train: Mapping[str, Any], test: Mapping[str, Any]
) -> tuple[NDArray[Any], dict[str, float | None]]:
    """Train and predict: the labels of all test texts, and the columns of `COSTS`."""
    peak_before = peak_mb()
    forget_peak()
    start_mb = peak_mb()

    start = time.perf_counter()
    model.fit(train["text"], train["label"])
    train_seconds = time.perf_counter() - start
    train_mb = peak_mb()

    predicted, predict_seconds = time_together(model, test["text"])
    peak = max(peak_before, peak_mb())
    p50, p90, p99 = time_alone(model, test["text"])
    cold = model.cold_seconds(test["text"][0]) if isinstance(model, Wave) else None
    return predicted, {
        "train_seconds": round(train_seconds, 3),
        "predict_seconds": round(predict_seconds, 4),
        "texts_per_second": round(len(test["text"]) / predict_seconds, 1),
        "p50_ms": p50,
        "p90_ms": p90,
        "p99_ms": p99,
        "cold_seconds": None if cold is None else round(cold, 3),
        "start_mb": round(start_mb, 1),
        "train_mb": round(train_mb, 1),
        "peak_mb": round(peak, 1),
    }


def draw(rows: Table, per_class: int, seed: int) -> Table:
    """Draw as many rows of each class, by the seed.

    Raises:
        SystemExit: If a class has fewer.
    """
    import numpy as np

    from wave_network.data import SingleLabel

    labelling = SingleLabel.learn(rows["label"])
    labels = labelling.encode(rows["label"])
    generator = np.random.default_rng(seed)
    chosen = []
    for index, name in enumerate(labelling.classes):
        members = np.flatnonzero(labels == index)
        if len(members) < per_class:
            sys.exit(f"class {name!r} has {len(members)} training texts, not {per_class}")
        chosen.append(generator.choice(members, per_class, replace=False))
    return rows.select(np.sort(np.concatenate(chosen)))


def time_together(model: Any, texts: Sequence[str]) -> tuple[NDArray[Any], float]:  # noqa: ANN401
    """The labels of all texts, and the seconds that one call takes."""
    model.predict(texts[:1])
    times: list[float] = []
    while len(times) < 3 and sum(times) < _LONG_ENOUGH:
        start = time.perf_counter()
        predicted = model.predict(texts)
        times.append(time.perf_counter() - start)
    return predicted, statistics.median(times)


def time_alone(model: Any, texts: Sequence[str]) -> tuple[float, float, float]:  # noqa: ANN401
    """Milliseconds for one warm text: the 50th, 90th and 99th percentile over many real ones."""
    import numpy as np

    order = np.random.default_rng(0).permutation(len(texts))[: _SINGLE_TEXTS + _WARM_UP]
    chosen = [texts[index] for index in order]
    for text in chosen[:_WARM_UP]:
        model.predict([text])
    times = []
    for text in chosen[-_SINGLE_TEXTS:]:
        start = time.perf_counter()
        model.predict([text])
        times.append(1000 * (time.perf_counter() - start))
    low, middle, high = (round(float(ms), 4) for ms in np.percentile(times, (50, 90, 99)))
    return low, middle, high


def score(
    predicted: Sequence[Label] | NDArray[Any], labels: Sequence[Label], least: float
) -> tuple[float, float]:
    """Accuracy and macro F1 of predictions that are worth timing.

    Raises:
        SystemExit: If predictions are missing, or the accuracy is below `least`.
    """
    from sklearn.metrics import accuracy_score, f1_score

    if len(predicted) != len(labels):
        sys.exit(f"{len(predicted)} predictions for {len(labels)} texts")
    accuracy = float(accuracy_score(labels, predicted))
    if accuracy < least:
        sys.exit(f"accuracy {accuracy:.4f}, not {least:.4f}: hardly better than chance")
    return accuracy, float(f1_score(labels, predicted, average="macro", zero_division=0))


if __name__ == "__main__":
    task = json.loads(sys.argv[2])
    only = task.pop("accuracy_only")
    print(json.dumps(asdict(measure(Cell(**task), accuracy_only=only))))
