"""Similar texts: how well a text's neighbours among the training texts share its label.

For each test text, its 10 nearest training texts by the model's vectors (`Engine.embed`), and by
TF-IDF (words and bigrams that occur twice, sublinear counts).

    python benchmarks/similar.py DATA --seeds 3 [--presets small tiny large]

Columns: the accuracy of the neighbours' majority label, beside that of the model; how well the
share of neighbours with the predicted label tells right answers from wrong ones (AUROC in percent),
beside the highest probability; how often a training text of which three words in ten are left out
finds itself first; seconds for all test texts.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from conditions import HERE, Conditions, look_around
from out_of_scope import auroc
from records import Records
from wave_network.config import get_preset
from wave_network.data import TrainingData, labelling_of, read_splits
from wave_network.runtime import Engine
from wave_network.training.fit import fit
from wave_network.training.recipe import Recipe

OUTPUT: Final = HERE / "data" / "similar.csv"
NEIGHBOURS: Final = 10
MOST_ASKED: Final = 4_000
AT_ONCE: Final = 500
LEFT_OUT: Final = 0.3


@dataclass(frozen=True)
class Measured:
    """A row: one kind of vectors on one data set.

    Attributes:
        data: The data set.
        preset: The model.
        vectors: `embed` or `tf-idf`.
        seed: Seed of the model.
        model_accuracy: Of the model's answers, percent.
        neighbours_accuracy: Of the majority label of the neighbours, percent.
        probability_auroc: How well the highest probability tells right answers from wrong ones.
        agreement_auroc: The same of the share of neighbours that have the predicted label.
        found: Percent of shortened training texts whose nearest one is the original.
        seconds: To find the neighbours of all test texts, vectors included.
    """

    data: str
    preset: str
    vectors: str
    seed: int
    model_accuracy: float
    neighbours_accuracy: float
    probability_auroc: float
    agreement_auroc: float
    found: float
    seconds: float


def nearest(asked: Any, among: Any, count: int) -> NDArray[np.int64]:  # noqa: ANN401
    """Indices of the nearest rows by scalar product, the nearest first, (asked, count)."""
    parts = []
    for start in range(0, asked.shape[0], AT_ONCE):
        products = asked[start : start + AT_ONCE] @ among.T
        products = products if isinstance(products, np.ndarray) else products.toarray()
        best = np.argpartition(-products, count, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1, kind="stable")
        parts.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(parts)


def shortened(text: str, draw: random.Random) -> str:
    """The text with three words in ten left out."""
    return " ".join(word for word in text.split() if draw.random() > LEFT_OUT) or text


def measure(data: Path, preset: str, seed: int) -> list[Measured]:
    """Train a model and compare both kinds of vectors."""
    splits = read_splits(data)
    if splits.test is None:
        raise SystemExit(f"{data} has no test split")
    recipe = Recipe.of(get_preset(preset), train_options={"seed": seed}, model_options={})
    engine = Engine(fit(TrainingData(splits.train), recipe).files)
    labelling = labelling_of(engine.config)
    chosen = np.random.default_rng(0).permutation(len(splits.test))[:MOST_ASKED]
    test = splits.test.select(np.sort(chosen))
    asked, truth = list(test["text"]), labelling.encode(test["label"])
    among, labels = list(splits.train["text"]), labelling.encode(splits.train["label"])
    probabilities = engine.predict_proba(asked)
    predicted = probabilities.argmax(axis=1)
    right, highest = predicted == truth, probabilities.max(axis=1)
    draw = random.Random(0)
    originals = np.random.default_rng(1).permutation(len(among))[:1_000]
    cut = [shortened(among[place], draw) for place in originals]

    def row(name: str, embed: Callable[[list[str]], Any]) -> Measured:
        started = time.perf_counter()
        vectors = embed(among)
        places = nearest(embed(asked), vectors, NEIGHBOURS)
        seconds = time.perf_counter() - started
        votes = labels[places]
        majority = [np.bincount(row, minlength=len(engine.labels)).argmax() for row in votes]
        agreement = (votes == predicted[:, None]).mean(axis=1)
        found = nearest(embed(cut), vectors, 1)[:, 0] == originals
        return Measured(
            data.name,
            preset,
            name,
            seed,
            model_accuracy=100 * float(right.mean()),
            neighbours_accuracy=100 * float((np.array(majority) == truth).mean()),
            probability_auroc=100 * auroc(highest[~right], highest[right]),
            agreement_auroc=100 * auroc(agreement[~right], agreement[right]),
            found=100 * float(found.mean()),
            seconds=seconds,
        )

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, dtype=np.float32)
    words.fit(among)
    return [row("embed", engine.embed), row("tf-idf", words.transform)]


def main() -> None:
    """Measure, print a table, and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path, nargs="+", help="folders of data with a test split")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--presets", nargs="+", default=["small"])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    records, conditions = Records(options.output, (Measured, Conditions)), look_around()
    print("| data | preset | vectors | model | neighbours | AUROC p | AUROC share | found | s |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for data in options.data:
        for preset in options.presets:
            for seed in range(options.seeds):
                for found in measure(data, preset, seed):
                    records.append({**asdict(found), **asdict(conditions)})
                    named, figures = (
                        list(asdict(found).values())[:3],
                        list(asdict(found).values())[4:],
                    )
                    cells = [*named, *(f"{figure:.2f}" for figure in figures)]
                    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
