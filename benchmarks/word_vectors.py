"""Word vectors learnt from raw texts: ours beside fastText's skip-gram at its defaults.

    python benchmarks/word_vectors.py DATA --sets ag_news,imdb --pairs wordsim353.tsv simlex999.txt
    python benchmarks/word_vectors.py DATA --held-out          # on training rows, to choose by

The raw texts are all training texts but the 3,000 that `--held-out` tests on. Both read the same
words: ours, separated by blanks. Then `small` learns from few labels with each of the vectors, with
those of the package and with none, and predicts 3,000 test rows.

`--pairs` names files of two words and people's rating of their similarity a line, such as
WordSim-353 and SimLex-999, which gensim has among its test data: the rank correlation of ratings
and cosines. fastText's vectors take minutes and are kept in `--cache`. Needs fastText and SciPy.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from compare import numbers
from conditions import HERE, Conditions, look_around
from few_labels import CACHE
from few_labels_data import FewLabels
from models import Wave
from records import Records
from wave_network.numerics.dense import unit_rows
from wave_network.text.whole_words import word_splitter
from wave_network.training.vectors.run import learn_from_files

OUTPUT: Final = HERE / "data" / "word_vectors.csv"
FIRST_SEED: Final = 100  # of the draws with `--held-out`, which no result is of
PLAIN: Final = ("none", "auto")

Table = tuple[dict[str, int], NDArray[np.float32]]


@dataclass(frozen=True)
class Measured:
    """A row.

    Attributes:
        data: The data set.
        vectors: `none`, `auto` (those of the package), `fasttext` or `ours`.
        measure: The name of a file of pairs, or `accuracy`.
        per_class: Labelled texts of each class; 0 for pairs.
        seed: Of the draw and of the model; 0 for pairs.
        value: In percent.
        count: Pairs whose words are both known, or texts that were predicted.
        held_out: Whether training rows were tested.
    """

    data: str
    vectors: str
    measure: str
    per_class: int
    seed: int
    value: float
    count: int
    held_out: bool


def main() -> None:
    """Learn the vectors of each data set, measure, and print a table."""
    options = parse()
    records, conditions = Records(options.output, (Measured, Conditions)), asdict(look_around())
    for name in options.sets:
        path, folder = str(options.data / name), options.cache / "word-vectors" / name
        folder.mkdir(parents=True, exist_ok=True)
        texts = write_texts(FewLabels(path, held_out=True), folder / "texts.txt")
        makers = {kind: make for kind, make in MAKERS.items() if kind in options.vectors}
        sources = {kind: make(texts, folder) for kind, make in makers.items()}
        found = of_pairs(name, sources, options.pairs)
        if options.per_class:
            data = FewLabels(path, held_out=options.held_out)
            every = {kind: kind for kind in PLAIN if kind in options.vectors} | sources
            found += of_labels(name, data, every, options)
        for row in found:
            records.append({**asdict(row), **conditions})
        print_table(found)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", metavar="DATA", type=Path, help="the folder of the data sets")
    parser.add_argument("--sets", type=lambda value: value.split(","), default=["ag_news", "imdb"])
    parser.add_argument("--pairs", type=Path, nargs="+", default=[], metavar="FILE")
    kinds = [*PLAIN, *MAKERS]
    parser.add_argument("--vectors", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--per-class", type=numbers, default=[8, 64], metavar="N[,N...]")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--held-out", action="store_true", help="test on training rows")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for fastText's vectors")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    return parser.parse_args()


def write_texts(data: FewLabels, path: Path) -> Path:
    """Write the texts that may be drawn, a line each, as words separated by blanks."""
    split, known = word_splitter(), dict[str, str]()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for text in data.drawable:
            for string in text.split():
                if string not in known:
                    known[string] = " ".join(split(string))
            file.write(" ".join(known[string] for string in text.split()) + "\n")
    return path


def learnt(texts: Path, folder: Path) -> Path:
    """Learn our vectors."""
    start, path = time.process_time(), folder / "ours"
    learn_from_files([texts], path, overwrite=True)
    print(f"{texts.parent.name}, ours: {time.process_time() - start:.0f} s of processor time")
    return path


def skip_gram(texts: Path, folder: Path) -> Path:
    """Train fastText's skip-gram model, unless that was done before."""
    path = folder / "fasttext.vec"
    if not path.exists():
        import fasttext

        start = time.process_time()
        model = fasttext.train_unsupervised(str(texts), thread=1, verbose=0)
        print(f"{folder.name}, fastText: {time.process_time() - start:.0f} s of processor time")
        words = model.get_words()
        rows = np.array([model.get_word_vector(word) for word in words])
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(f"{len(words)} {rows.shape[1]}\n")
            for word, row in zip(words, rows.tolist(), strict=True):
                file.write(f"{word} {' '.join(f'{value:.5g}' for value in row)}\n")
    return path


MAKERS: Final = {"ours": learnt, "fasttext": skip_gram}
"""The vectors that are learnt here, by name."""


def of_pairs(name: str, sources: Mapping[str, Path], files: Sequence[Path]) -> list[Measured]:
    """Correlate cosines with people's ratings."""
    found = []
    for source, path in sources.items():
        places, vectors = table_of(path)
        for file in files:
            known = [pair for pair in pairs_of(file) if places.keys() >= {*pair.words}]
            first, second = (
                vectors[[places[pair.words[side]] for pair in known]] for side in (0, 1)
            )
            cosines = np.einsum("ij,ij->i", first, second)
            value = 100 * float(spearmanr(cosines, [pair.rating for pair in known])[0])
            found.append(Measured(name, source, file.stem, 0, 0, value, len(known), False))
    return found


class Pair(NamedTuple):
    """Two words, and how similar people find them."""

    words: tuple[str, str]
    rating: float


def pairs_of(file: Path) -> list[Pair]:
    """Read the pairs of a file; lines without a rating at their end are left out."""
    found = []
    for line in file.read_text("utf-8").splitlines():
        parts = line.split()
        if len(parts) >= 3 and parts[-1].replace(".", "", 1).isdigit():
            found.append(Pair((parts[0].lower(), parts[1].lower()), float(parts[-1])))
    return found


def table_of(path: Path) -> Table:
    """Read vectors, of length 1."""
    if path.is_dir():
        from wave_network.few_labels.learnt_vectors import read_learnt_vectors

        found = read_learnt_vectors(path)
        return {word: place for place, word in enumerate(found.words)}, unit_rows(found.vectors)
    with path.open(encoding="utf-8") as file:
        next(file)
        rows = [line.split(" ") for line in file]
    vectors = np.array([row[1:] for row in rows], np.float32)
    return {row[0]: place for place, row in enumerate(rows)}, unit_rows(vectors)


def of_labels(
    name: str, data: FewLabels, sources: Mapping[str, Any], options: argparse.Namespace
) -> list[Measured]:
    """Train `small` on few labels with each of the vectors."""
    found = []
    first = FIRST_SEED if options.held_out else 0
    for source, vectors in sources.items():
        for per_class in options.per_class:
            for seed in range(first, first + options.draws):
                model = Wave("small", seed=seed, vectors=str(vectors))
                model.fit(*data.draw(per_class, seed))
                right = model.predict(data.test.texts) == np.array(data.test.labels)
                value, count = 100 * float(np.mean(right)), len(right)
                found.append(
                    Measured(
                        name, source, "accuracy", per_class, seed, value, count, options.held_out
                    )
                )
    return found


def print_table(found: Sequence[Measured]) -> None:
    """Print the means of the draws."""
    print("| data | vectors | measure | labels a class | mean (lowest-highest) | texts or pairs |")
    print("| --- | --- | --- | ---: | ---: | ---: |")
    groups: dict[tuple[str, str, str, int], list[Measured]] = {}
    for row in found:
        groups.setdefault((row.data, row.vectors, row.measure, row.per_class), []).append(row)
    for key, rows in groups.items():
        values = [row.value for row in rows]
        spread = f" ({min(values):.1f}-{max(values):.1f})" if len(values) > 1 else ""
        cells = (*map(str, key), f"{statistics.mean(values):.1f}{spread}", str(rows[0].count))
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
