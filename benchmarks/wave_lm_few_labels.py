"""Few labels and a pretrained Wave LM: what it is worth beside the unlabelled texts themselves.

    wave-network pretrain TRAIN --size 200k --steps 1000 --learning-rate 0.01 --output LM
    python benchmarks/wave_lm_few_labels.py DATA/imdb LM [--arms NAME,...] [--per-class 8,32,128]
    python benchmarks/wave_lm_few_labels.py --table

LM has read TRAIN, the training texts of DATA, without labels. Labelled texts are drawn from the
training rows by a seed; the archive is 8,000 training texts; 3,000 test rows are predicted, or with
`--held-out` training rows that are not drawn, for choices. The arms:

- `small`, `small:unlabelled`: `small` from labelled texts alone, and with the archive.
- `small:lm`, `small:both`: the same with word vectors of the LM: the mean of its last layer over
  the places of the archive where a word ends.
- `lm:linear`: logistic regression on the means of all its layers over a text.
- `lm:tuned`, `random:tuned`: the network with a linear layer on the mean of its outputs, all
  trained on the labelled texts, from the LM's weights and from random ones.

The LM reads the first 256 tokens of a text. What the CSV file has from the same code is not
measured again. `--table` prints the accuracies of all rows.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from compare import numbers
from conditions import HERE, Conditions, look_around
from few_labels_data import FewLabels, Labelled
from measure import score
from models import Wave
from records import Records, Row, grouped, newest
from tables import spread
from wave_network.models.wave_lm.network import WaveLM
from wave_network.persistence.language_model import read_language_model
from wave_network.training.pretraining.steps import learning_rate_factor

Floats = NDArray[np.float32]

OUTPUT: Final = HERE / "data" / "wave_lm_few_labels.csv"
CODE: Final = ("src", "benchmarks/few_labels_data.py", "benchmarks/wave_lm_few_labels.py")
SIZES: Final = (8, 32, 128, 1_000)
DRAWS: Final = 3
ARCHIVED: Final = 8_000
FIRST_CHOICE: Final = 100  # the first seed of the draws that choices are made on

_WORD: Final = re.compile(r"[^\W\d_]+")
_LEAST_COUNT: Final = 3
_TOKENS_READ: Final = 256
_TOKENS_AT_ONCE: Final = 16_384
_COST: Final = 10.0  # of the logistic regression
_RATE: Final = 1e-3
_LANES: Final = 16
_EPOCHS: Final[Mapping[int, int]] = {8: 20, 32: 10, 128: 6, 1_000: 3}


@dataclass(frozen=True)
class Cell:
    """What is measured: the columns that identify a row.

    Attributes:
        data: Name of the data set.
        rows: `test`, or `held out` for choices.
        lm: Parameters and training steps of the LM; whether it is masked.
        per_class: Labelled texts of each class.
        model: One of `ARMS`.
        seed: Of the draw and of the model.
    """

    data: str
    rows: str
    lm: str
    per_class: int
    model: str
    seed: int


@dataclass(frozen=True)
class Measurement:
    """What was found on so many predicted rows."""

    test_rows: int
    accuracy: float
    macro_f1: float


KINDS: Final = (Conditions, Cell, Measurement)


class Reader:
    """A Wave LM that reads texts.

    Args:
        folder: Its folder.
        archive: Texts that its word vectors come from.
    """

    def __init__(self, folder: Path, archive: Sequence[str]) -> None:
        self.folder, self.files = folder, read_language_model(folder)
        steps, masked = self.files.training["steps"], self.files.config.masked
        self.name = f"{self.files.parameters:,}, {steps} steps{', masked' if masked else ''}"
        self._archive = archive
        self._known: dict[str, Floats] = {}
        self._written = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._written, ignore_errors=True)

    def network(self, seed: int, *, pretrained: bool) -> WaveLM:
        """The network, with its own weights or with random ones."""
        network = WaveLM(self.files.config, seed)
        if pretrained:
            weights = {name: torch.tensor(tensor) for name, tensor in self.files.tensors.items()}
            network.load_state_dict(weights)
        return network

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The ids of the texts, each after the start of a document."""
        start = [self.files.tokenizer.start]
        encoded = self.files.tokenizer.encode(texts)
        return [np.array([*start, *ids[:_TOKENS_READ]], np.int64) for ids in encoded]

    @torch.no_grad()
    def layers(self, texts: Sequence[str]) -> Iterator[tuple[int, NDArray[np.int64], Floats]]:
        """Yield each text's place, its ids, and what its layers put out, (tokens, layers, size)."""
        network, encoded = self.network(0, pretrained=True), self.encode(texts)
        for places in batches(encoded):
            ids, _ = packed([encoded[place] for place in places])
            outputs = torch.stack(hidden(network, ids), dim=2).numpy()
            for lane, place in enumerate(places):
                yield place, encoded[place], outputs[: len(encoded[place]), lane]

    def means(self, texts: Sequence[str]) -> Floats:
        """The means of all layers over each text, (texts, layers * size); each is read once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for place, _, outputs in self.layers(new):
            self._known[new[place]] = outputs.mean(axis=0).ravel()
        return np.stack([self._known[text] for text in texts])

    @cached_property
    def word_vectors(self) -> str:
        """A `.vec` file: the mean of the last layer over the archive's places where a word ends."""
        sums: dict[str, Any] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for place, ids, outputs in self.layers(self._archive):
            text = self._archive[place]
            ends = self.files.tokenizer.lengths[ids].cumsum()  # in bytes
            starts = np.cumsum([0, *(len(character.encode()) for character in text)])
            for word in _WORD.finditer(text):
                token = int(np.searchsorted(ends, starts[word.end()]))
                if token == len(ids):  # it is not read
                    break
                sums[word.group().lower()] += outputs[token, -2]
                counts[word.group().lower()] += 1
        common = (word for word in counts if counts[word] >= _LEAST_COUNT)
        path = self._written / "words.vec"
        with path.open("w", encoding="utf-8") as file:
            for name in sorted(common, key=lambda name: -counts[name]):
                vector = " ".join(f"{number:.5g}" for number in sums[name] / counts[name])
                file.write(f"{name} {vector}\n")
        return str(path)


def hidden(network: WaveLM, ids: Tensor) -> list[Tensor]:
    """The embeddings, what each layer puts out, and that normalised; each (time, lanes, size)."""
    keep = (ids != network.config.start_id).to(torch.float32).unsqueeze(2)
    outputs = [network.embedding(ids)]
    for layer in network.layers:
        outputs.append(layer(outputs[-1], keep))
    return [*outputs, network.norm(outputs[-1])]


def packed(documents: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """One document a lane, and after its end others without tokens, which the mask leaves out."""
    start = int(documents[0][0])
    ids = torch.full((max(map(len, documents)), len(documents)), start, dtype=torch.int64)
    mask = torch.zeros(*ids.shape, 1)
    for lane, document in enumerate(documents):
        ids[: len(document), lane] = torch.from_numpy(document)
        mask[: len(document), lane] = 1
    return ids, mask


def batches(documents: Sequence[NDArray[np.int64]]) -> Iterator[list[int]]:
    """Yield the places of documents of about one length that are read at once."""
    chosen: list[int] = []
    for place in sorted(range(len(documents)), key=lambda place: len(documents[place])):
        if chosen and (len(chosen) + 1) * len(documents[place]) > _TOKENS_AT_ONCE:
            yield chosen
            chosen = []
        chosen.append(place)
    if chosen:
        yield chosen


Arm = Callable[[FewLabels, Reader, Labelled, int], NDArray[Any]]


def small(
    data: FewLabels, reader: Reader, labelled: Labelled, seed: int, *, archive: bool, lm: bool
) -> NDArray[Any]:
    """Predict by `small`."""
    model = Wave("small", seed=seed, vectors=reader.word_vectors if lm else "none")
    places = data.unlabelled(labelled)
    unlabelled = [data.archive[place] for place in places[places < ARCHIVED]] if archive else None
    return model.fit(*labelled, unlabeled=unlabelled).predict(data.test.texts)


def linear(data: FewLabels, reader: Reader, labelled: Labelled, seed: int) -> NDArray[Any]:
    """Predict by logistic regression on the means of the LM's layers, of length 1."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler

    model = make_pipeline(
        StandardScaler().fit(reader.means(data.archive[:2_000])),
        Normalizer(),
        LogisticRegression(C=_COST, max_iter=500, random_state=seed),
    )
    scaled = model[0].transform(reader.means(labelled.texts))
    model[1:].fit(scaled, labelled.labels)
    predicted: NDArray[Any] = model.predict(reader.means(data.test.texts))
    return predicted


def tuned(
    data: FewLabels, reader: Reader, labelled: Labelled, seed: int, *, pretrained: bool
) -> NDArray[Any]:
    """Predict by the network with a linear layer on the mean of its outputs."""
    network = reader.network(seed, pretrained=pretrained)
    head = nn.Linear(network.config.hidden_size, len(data.classes))
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)

    def logits(documents: Sequence[NDArray[np.int64]]) -> Tensor:
        ids, mask = packed(documents)
        result: Tensor = head((hidden(network, ids)[-1] * mask).sum(dim=0) / mask.sum(dim=0))
        return result

    texts, random = reader.encode(labelled.texts), np.random.default_rng(seed)
    targets = torch.tensor([data.classes.index(label) for label in labelled.labels])
    epochs = _EPOCHS[len(texts) // len(data.classes)]
    parameters = [*network.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=_RATE)
    steps = epochs * -(-len(texts) // _LANES)
    factor = learning_rate_factor(0.1, steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    for _ in range(epochs):
        order = random.permutation(len(texts))
        for begin in range(0, len(order), _LANES):
            chosen = order[begin : begin + _LANES]
            loss = F.cross_entropy(logits([texts[place] for place in chosen]), targets[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            schedule.step()
    tested, found = reader.encode(data.test.texts), np.empty(len(data.test.texts), np.int64)
    with torch.no_grad():
        for places in batches(tested):
            found[places] = logits([tested[place] for place in places]).argmax(dim=1).numpy()
    return np.array(data.classes)[found]


ARMS: Final[Mapping[str, Arm]] = {
    "small": partial(small, archive=False, lm=False),
    "small:unlabelled": partial(small, archive=True, lm=False),
    "small:lm": partial(small, archive=False, lm=True),
    "small:both": partial(small, archive=True, lm=True),
    "lm:linear": linear,
    "lm:tuned": partial(tuned, pretrained=True),
    "random:tuned": partial(tuned, pretrained=False),
}


def main() -> None:
    """Measure what the file does not have yet, or print the table."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path, help="a folder with train and test rows")
    parser.add_argument("lm", nargs="?", type=Path, help="a Wave LM of its training texts")
    parser.add_argument("--arms", type=lambda value: value.split(","), default=list(ARMS))
    parser.add_argument("--per-class", type=numbers, default=list(SIZES), metavar="N[,N...]")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--held-out", action="store_true", help="for choices: no test row is read")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--table", action="store_true", help="print the table, measure nothing")
    options = parser.parse_args()
    records = Records(options.output, KINDS)
    if options.table:
        print(table(records.read()))
    elif options.lm is None:
        parser.error("give the data and the LM, or --table")
    else:
        measure(records, options)


def measure(records: Records, options: argparse.Namespace) -> None:
    """Measure the rows that the file lacks, and add them."""
    data = FewLabels(str(options.data), held_out=options.held_out)
    reader = Reader(options.lm, data.archive[:ARCHIVED])
    first = FIRST_CHOICE if options.held_out else 0
    for per_class in options.per_class:
        for arm in options.arms:
            for seed in range(first, first + options.draws):
                rows = "held out" if options.held_out else "test"
                cell = Cell(options.data.name, rows, reader.name, per_class, arm, seed)
                conditions = asdict(look_around(CODE))
                if records.find({"commit": conditions["commit"], **asdict(cell)}):
                    continue
                predicted = ARMS[arm](data, reader, data.draw(per_class, seed), seed)
                accuracy, macro_f1 = score(predicted, data.test.labels, 0.0)
                found = Measurement(len(predicted), round(accuracy, 5), round(macro_f1, 5))
                records.append(conditions | asdict(cell) | asdict(found))
                print(arm, per_class, seed, f"{100 * accuracy:.1f}", flush=True)


def table(rows: Sequence[Row]) -> str:
    """A Markdown table: a line an arm of each data set, the mean accuracy (lowest–highest)."""
    same = ("data", "rows", "lm", "model")
    rows = newest(rows, (*same, "per_class"))
    sizes = sorted({row["per_class"] for row in rows})
    lines = [
        f"| data | rows | LM | model | {' | '.join(f'{size:,} a class' for size in sizes)} |",
        f"| --- | --- | --- | --- |{' ---: |' * len(sizes)}",
    ]
    for names, group in grouped(rows, same).items():
        cells = []
        for size in sizes:
            found = [
                {"percent": 100 * row["accuracy"]} for row in group if row["per_class"] == size
            ]
            cells.append(spread(found, "percent", ".1f") if found else "–")
        lines.append(f"| {' | '.join(names)} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
