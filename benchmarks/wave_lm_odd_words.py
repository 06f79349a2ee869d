"""Do language models find the word that was changed? A causal and a masked one, by `score`.

    wave-network pretrain TRAIN --size 1m --steps 700 --output CAUSAL
    wave-network pretrain TRAIN --size 1m --steps 700 --objective masked --output MASKED
    python benchmarks/wave_lm_odd_words.py TRAIN CAUSAL MASKED

Of the texts that pretraining holds out, every fiftieth of TRAIN, 600 are cut to 400 characters. In
each, one word is replaced by another word of the texts, or two of its letters are swapped. A model
finds it where its most surprising token, or one of the three, lies in that word. Each result is a
row of `benchmarks/data/wave_lm_odd_words.csv`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from conditions import HERE, Conditions, look_around
from records import Records
from wave_network.data.documents import iter_documents
from wave_network.persistence.language_model import read_language_model
from wave_network.runtime.bits import build_network, document_scorer

OUTPUT: Final = HERE / "data" / "wave_lm_odd_words.csv"
CODE: Final = ("src", "benchmarks/wave_lm_odd_words.py")
HELD_OUT: Final = 50
TEXTS: Final = 600
CHARACTERS: Final = 400
LEAST_WORDS: Final = 8
CHANGES: Final = ("another word", "letters swapped")

_WORD: Final = re.compile(r"[^\W\d_]{3,}")


class Changed(NamedTuple):
    """A text of which one word was changed.

    Attributes:
        text: The text.
        start: Where the word begins, in bytes.
        end: Where it ends.
        change: One of `CHANGES`.
    """

    text: str
    start: int
    end: int
    change: str


@dataclass(frozen=True)
class Measurement:
    """How often a model finds the changed word, in percent."""

    data: str
    parameters: int
    objective: str
    steps: int | None
    change: str
    texts: int
    found_first: float
    found_of_three: float


def main() -> None:
    """Measure every model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path, help="the texts that the models were pretrained on")
    parser.add_argument("models", nargs="+", type=Path, help="folders of language models")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    records = Records(options.output, (Conditions, Measurement))
    texts = [piece.text for piece in iter_documents(options.train) if piece.first]
    changed = list(change_words(texts[HELD_OUT - 1 :: HELD_OUT], texts[:3_000]))
    for model in options.models:
        for row in measure(options.train.parent.name, model, changed):
            records.append(asdict(look_around(CODE)) | asdict(row))
            print(row, flush=True)


def change_words(texts: Sequence[str], sources: Sequence[str]) -> Iterator[Changed]:
    """Change one word of each of the first texts that have enough.

    Args:
        texts: The texts.
        sources: Where other words are taken from, each as often as it occurs there.
    """
    others = [word for text in sources for word in _WORD.findall(text)]
    random = np.random.default_rng(0)
    for text in islice((text[:CHARACTERS] for text in texts), TEXTS):
        words = list(_WORD.finditer(text))
        if len(words) < LEAST_WORDS:
            continue
        chosen, change = words[random.integers(2, len(words))], CHANGES[random.integers(2)]
        if change == "another word":
            new = others[random.integers(len(others))]
        else:
            place, old = int(random.integers(len(chosen.group()) - 1)), chosen.group()
            new = old[:place] + old[place + 1] + old[place] + old[place + 2 :]
        if new != chosen.group():
            before = len(text[: chosen.start()].encode())
            whole = text[: chosen.start()] + new + text[chosen.end() :]
            yield Changed(whole, before, before + len(new.encode()), change)


def measure(data: str, model: Path, texts: Sequence[Changed]) -> Iterator[Measurement]:
    """Yield a result for each kind of change."""
    files = read_language_model(model)
    network = build_network(files.config, files.tensors)
    hits: dict[str, list[tuple[bool, bool]]] = {change: [] for change in CHANGES}
    for one in texts:
        (ids,) = files.tokenizer.encode([one.text])
        ends = files.tokenizer.lengths[ids].cumsum()
        inside = (ends > one.start) & (ends - files.tokenizer.lengths[ids] < one.end)
        order = np.argsort(-document_scorer(network).bits(ids), kind="stable")
        hits[one.change].append((bool(inside[order[0]]), bool(inside[order[:3]].any())))
    for change, found in hits.items():
        first, of_three = 100 * np.mean(found, axis=0)
        yield Measurement(
            data=data,
            parameters=files.parameters,
            objective=files.config.objective,
            steps=files.training["steps"],
            change=change,
            texts=len(found),
            found_first=round(float(first), 1),
            found_of_three=round(float(of_three), 1),
        )


if __name__ == "__main__":
    main()
