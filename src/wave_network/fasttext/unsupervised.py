"""Word vectors with the archived module's arguments: they are learnt in a way of our own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from wave_network._native.threads import using
from wave_network.config.options import OPTIONS as TRAINING_OPTIONS
from wave_network.data.documents import lines_of
from wave_network.data.streams import iter_blocks
from wave_network.errors import ConfigError, DataError
from wave_network.fasttext.arguments import Counterpart, translated
from wave_network.fasttext.training import by_name, say_once
from wave_network.fasttext.vectors import VectorModel
from wave_network.progress.stages import stage, tracked
from wave_network.text.fasttext_dictionary import LABEL_PREFIX
from wave_network.training.vectors.learn import VectorSettings, learn_vectors
from wave_network.training.vectors.words import Splitter

ARGUMENTS: Final[Mapping[str, Any]] = {
    "input": None,
    "model": "skipgram",
    "lr": 0.05,
    "dim": 100,
    "ws": 5,
    "epoch": 5,
    "minCount": 5,
    "minCountLabel": 0,
    "minn": 3,
    "maxn": 6,
    "neg": 5,
    "wordNgrams": 1,
    "loss": "ns",
    "bucket": 2_000_000,
    "thread": None,
    "lrUpdateRate": 100,
    "t": 1e-4,
    "label": "__label__",
    "verbose": 2,
    "pretrainedVectors": "",
}
"""The arguments of `train_unsupervised` in their order, with the archived module's defaults."""

_COUNTED: Final = "ignored: neighbours are counted, once and all of them; there are no epochs"
_SAMPLED: Final = "ignored: all neighbours are counted, and frequent ones weigh less"

OPTIONS: Final[Mapping[str, Counterpart]] = {
    "input": Counterpart("FILE", "input"),
    "output": Counterpart("--output", "output"),
    "dim": Counterpart("--size", "size", int),
    "ws": Counterpart("--window", "window", int),
    "minCount": Counterpart("--min-count", "min_count", int),
    "minn": Counterpart("the least characters of a subword", "shortest", int),
    "maxn": Counterpart("the most characters of a subword", "longest", int),
    "bucket": Counterpart("the buckets of subwords", "buckets", int),
    "thread": Counterpart("--threads", "threads", int),
    "seed": Counterpart("--seed", "seed", int),
    "model": Counterpart("ignored: skipgram and cbow give the same vectors here"),
    "lr": Counterpart(_COUNTED),
    "epoch": Counterpart(_COUNTED),
    "lrUpdateRate": Counterpart(_COUNTED),
    "neg": Counterpart(_SAMPLED),
    "loss": Counterpart(_SAMPLED),
    "t": Counterpart(_SAMPLED),
    "minCountLabel": Counterpart("ignored: labels are not read"),
    "label": Counterpart("ignored: words that start with __label__ are left out"),
    "wordNgrams": Counterpart("ignored: it has no effect in fastText's word vectors either"),
    "pretrainedVectors": Counterpart("ignored: vectors do not start from others"),
    "saveOutput": Counterpart("ignored", takes_value=False),
    "verbose": Counterpart("ignored"),
}
"""Every option of `fasttext skipgram` and `fasttext cbow`, by its name without the dash."""

_TOKEN: Final = re.compile(r"[^ \n\r\t\v\f\0]+")


def train_unsupervised(*args: Any, **kwargs: Any) -> VectorModel:  # noqa: ANN401
    """Learn word vectors from a text file.

    It takes the arguments of the archived module, `ARGUMENTS`; those not given have the values of
    `VectorSettings`. Neighbours are counted and their associations decomposed, so `lr`, `epoch` and
    others have no meaning: they are ignored, and a log message says so once. `Coming from fastText`
    in the documentation lists what becomes of each. The vectors are the same whatever the number of
    threads.

    Args:
        args: The arguments in their order, the file first.
        kwargs: The arguments by name.

    Raises:
        TypeError: If an argument is unknown, or given twice.
        ConfigError: If a value is wrong.
        DataError: If the file cannot be read, or too few of its words recur.
    """
    given = by_name(args, kwargs, ARGUMENTS)
    if not given.get("input"):
        raise ConfigError("give a text file: train_unsupervised(input=...)")
    if given.get("model", "skipgram") not in ("skipgram", "cbow"):
        raise ConfigError("Unrecognized model name")
    pairs = [(f"-{name}", str(value)) for name, value in given.items() if value != ""]
    translation = translated(pairs, OPTIONS)
    say_once(translation)
    return learnt(translation.parameters)


def learnt(parameters: Mapping[str, Any]) -> VectorModel:
    """Learn word vectors.

    Args:
        parameters: `input`, and others as in `Translation.parameters`.

    Raises:
        WaveNetworkError: If a value or the file cannot be used.
    """
    known = VectorSettings.__dataclass_fields__
    settings = VectorSettings(**{name: parameters[name] for name in parameters if name in known})
    path = Path(parameters["input"])
    if not path.is_file():
        raise DataError(f"{path} cannot be opened for training!")
    with using(TRAINING_OPTIONS["threads"].checked(parameters.get("threads"))):
        splitter = Splitter(_TOKEN.findall, _word)
        return VectorModel(learn_vectors(_lines(path), splitter, settings, cased=True))


def _word(string: str) -> list[str]:
    return [] if string.startswith(LABEL_PREFIX) or string == "</s>" else [string]


def _lines(path: Path) -> Iterator[str]:
    with stage(f"reading {path.name}"):
        yield from tracked(lines_of(iter_blocks(path, "utf-8")), unit="lines")
