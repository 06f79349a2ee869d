"""Compare our reading of fastText's models with fastText itself, over a grid of models.

It trains models with fastText (the extra `baselines`), reads them here, and predicts the same texts
with both: labels and probabilities for one label, three labels and all, and with a threshold. Texts
are those of the test split, and hostile ones. It prints a line for each model: how many answers
differ in their labels, the largest difference of a probability, and texts a second of user CPU time
on one thread, all texts in one call:

    python benchmarks/fasttext_parity.py DATA [TEXTS]

DATA is a folder or a file as `wave-network train` takes it, with a test split.
"""

from __future__ import annotations

import itertools
import random
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fasttext as original
from wave_network import fasttext as ours
from wave_network._native.threads import using
from wave_network.data import column, read_splits
from wave_network.data.table import Table

TRAINED = 6_000
TEXTS = 5_000
HOSTILE = 500
LABELS_OF_MANY = 300
ASKED = ((1, 0.0), (3, 0.0), (-1, 0.0), (-1, 0.3))
"""The numbers of labels and the thresholds that are compared."""


class Kind(NamedTuple):
    """How a model is trained, and how it is quantised, if it is."""

    name: str
    data: Path
    training: dict[str, Any]
    quantization: dict[str, Any] | None


class Result(NamedTuple):
    """The comparison of one model."""

    labels_differ: int
    largest: float
    speed: float
    own_speed: float


def main(arguments: list[str]) -> None:
    """Compare all models of the grid."""
    count = int(arguments[1]) if len(arguments) > 1 else TEXTS
    splits = read_splits(arguments[0])
    assert splits.test is not None, "the data has no test split"
    test = itertools.islice(column(splits.test, "text"), count)
    texts = [*map(one_line, test), *hostile_texts(HOSTILE)]
    original.FastText.eprint = lambda *_: None
    print(f"{'model':44} {'labels differ':>13} {'largest':>8} {'texts/s':>9} {'fastText':>9} ratio")
    results = []
    with tempfile.TemporaryDirectory() as place:
        for kind in grid(*prepared(splits.train, Path(place))):
            path = trained(kind, Path(place, "model"))
            result = compared(path, texts)
            results.append(result)
            print(
                f"{kind.name:44} {result.labels_differ:13} {result.largest:8.1e}"
                f" {result.speed:9,.0f} {result.own_speed:9,.0f}"
                f" {result.speed / result.own_speed:5.2f}",
                flush=True,
            )
            path.unlink()
    ratios = sorted(result.speed / result.own_speed for result in results)
    print(
        f"{len(results)} models x {len(texts):,} texts x {len(ASKED)} requests: "
        f"{sum(result.labels_differ for result in results)} answers differ in their labels; "
        f"largest difference of a probability {max(result.largest for result in results):.1e}; "
        f"speed beside fastText's: least {ratios[0]:.2f}, median {ratios[len(ratios) // 2]:.2f}"
    )


def prepared(train: Table, place: Path) -> tuple[Path, Path, Path]:
    """Write the training data with one label a line, with two, and with many."""
    generator = random.Random(0)
    one, two, many = (place / name for name in ("one.txt", "two.txt", "many.txt"))
    rows = list(zip(column(train, "text"), train["label"], strict=True))
    generator.shuffle(rows)
    lines = [f"__label__{label} {one_line(text)}" for text, label in rows[:TRAINED]]
    one.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with two.open("w", encoding="utf-8") as file, many.open("w", encoding="utf-8") as other:
        for number, line in enumerate(lines):
            file.write(f"__label__{generator.choice('abcdef')} {line}\n")
            other.write(f"__label__{number % LABELS_OF_MANY} {line}\n")
    return one, two, many


def grid(one: Path, two: Path, many: Path) -> Iterator[Kind]:
    """Yield the models: losses x subwords x n-grams x labels a line x quantisations."""
    losses, subwords = ("softmax", "hs", "ova", "ns"), ((0, 0), (2, 4), (3, 6))
    forms: tuple[dict[str, Any] | None, ...] = (
        None,
        {},
        {"qnorm": True},
        {"qnorm": True, "cutoff": 5_000, "retrain": True, "epoch": 1},
    )
    for loss, (minn, maxn), form in itertools.product(losses, subwords, forms):
        shape = {"dim": 16 if form is None else 10, "wordNgrams": 1 + (form is not None)}
        training = {"loss": loss, "minn": minn, "maxn": maxn, "bucket": 20_000, **shape}
        name = f"{loss} {minn}-{maxn} {'dense' if form is None else sorted(form)}"
        yield Kind(name, one, training, form)
    for loss, ngrams in itertools.product(losses, (1, 3)):
        training = {"loss": loss, "wordNgrams": ngrams, "dim": 5, "bucket": 20_000}
        yield Kind(f"{loss} two labels, {ngrams}-grams", two, training, None)
    for loss, dsub in itertools.product(losses, (2, 3)):
        training = {"loss": loss, "wordNgrams": 2, "dim": 10, "bucket": 20_000}
        form = {"qout": True, "dsub": dsub, "qnorm": dsub == 3, "cutoff": 5_000 * (dsub - 2)}
        yield Kind(f"{loss} many labels, output quantised by {dsub}", many, training, form)


def trained(kind: Kind, start: Path) -> Path:
    """Train a model with fastText, and save it."""
    model = original.train_supervised(
        str(kind.data), **{"epoch": 3, "lr": 0.3, "thread": 1, "verbose": 0, **kind.training}
    )
    if kind.quantization is not None:
        needs_data = kind.quantization.get("cutoff")
        model.quantize(
            input=str(kind.data) if needs_data else None, thread=1, verbose=0, **kind.quantization
        )
    path = start.with_suffix(".bin" if kind.quantization is None else ".ftz")
    model.save_model(str(path))
    return path


def compared(path: Path, texts: list[str]) -> Result:
    """Predict with both, and time a label for each text."""
    own, model = original.load_model(str(path)), ours.load_model(path)
    lines = [f"{text}\n" for text in texts]
    differ, largest = 0, 0.0
    for count, threshold in ASKED:
        found = zip(*model.predict(texts, count, threshold), strict=True)
        for line, (labels, probabilities) in zip(lines, found, strict=True):
            # The method for one line: that for lists gives wrong probabilities with new NumPy.
            expected = own.f.predict(line, count, threshold, "strict")
            differ += [label for _, label in expected] != labels
            pairs = zip(expected, probabilities.tolist(), strict=False)
            largest = max([largest, *(abs(score - other) for (score, _), other in pairs)])
    with using(1):
        speed = texts_a_second(lambda: model.predict(texts), len(texts))
    own_speed = texts_a_second(lambda: own.predict(texts), len(texts))
    return Result(differ, largest, speed, own_speed)


def texts_a_second(predict: Callable[[], object], count: int) -> float:
    """Return texts a second of user CPU time, the best of ten."""
    best = float("inf")
    for _ in range(10):
        start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        predict()
        best = min(best, resource.getrusage(resource.RUSAGE_SELF).ru_utime - start)
    return count / max(best, 1e-9)


def one_line(text: str) -> str:
    """Return a text as the line that fastText takes."""
    return " ".join(text.split())


def hostile_texts(count: int) -> list[str]:
    """Return texts of blanks, zero bytes, labels, ends of lines, and characters of all kinds."""
    generator = random.Random(1)
    fixed = ["", " ", "\0", "a\0b\tc\vd\re\ff", "</s>", "a </s> b", "__label__", "x" * 5_000]
    fixed += ["< > <the>", "caf\xe9 \u4e2d\u6587 \u0440\u0443\u0441 \U0001f600", "the " * 3_000]
    letters = "abc \0\t\r\v<>_/s\xe9\u2003\u00a0\u0301\U0001f600"
    made = ("".join(generator.choices(letters, k=generator.randrange(60))) for _ in range(count))
    return [*fixed, *made][:count]


if __name__ == "__main__":
    main(sys.argv[1:])
