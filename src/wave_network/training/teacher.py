"""Teachers: classifiers whose predictions a new model learns from (Hinton et al., 2015).

A teacher is a Wave Network model or any sequence classifier of `transformers`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Device, Label
from wave_network.data.plain_labels import label_key
from wave_network.errors import ConfigError, ModelFolderError, extra_needed, listed
from wave_network.fasttext.file import is_fasttext_file
from wave_network.huggingface.download import hub_file
from wave_network.huggingface.ids import HUB_ID, HUB_PREFIX
from wave_network.persistence.contents import parse_object, read_file
from wave_network.persistence.format import CONFIG, MODEL_TYPE
from wave_network.runtime import Engine, load


class Teacher(Protocol):
    """A classifier to learn from."""

    @property
    def labels(self) -> Sequence[Label]:
        """The classes, in the order of `predict_proba`'s columns."""

    def predict_proba(self, texts: list[str]) -> NDArray[np.float32]:
        """Predict probabilities, (texts, classes)."""


def read_teacher(source: str, device: Device) -> Teacher:
    """Read a teacher.

    Args:
        source: A Wave Network model folder, a model file of fastText, or a folder of
            `transformers` with a sequence classifier and its tokenizer; or the Hub id of a folder,
            `OWNER/NAME` or `hub:OWNER/NAME`, with `@REVISION` if it is to be a certain one.
        device: The device for a model of `transformers`.

    Raises:
        ModelFolderError: If the model is missing or cannot be read.
        ConfigError: If it is not a single-label classifier.
        MissingExtraError: If it needs `transformers`, which is not installed.
    """
    if is_fasttext_file(Path(source)):
        return _single_label(source, source)
    if os.path.isdir(source):
        description, place = Path(source, CONFIG), source
    else:
        place = source.removeprefix(HUB_PREFIX)
        if not HUB_ID.fullmatch(place):
            raise ModelFolderError(f"no teacher at {source}: there is no such folder")
        description = hub_file(place, CONFIG)
    try:
        model_type = parse_object(read_file(description), description).get("model_type")
    except ModelFolderError as error:
        raise ModelFolderError(f"{source} is no teacher: {error}") from error
    if model_type == MODEL_TYPE:
        return _single_label(source if os.path.isdir(source) else f"{HUB_PREFIX}{place}", source)
    with extra_needed("transformers", "a pretrained classifier"):
        from wave_network.training.device import resolve_device
        from wave_network.training.encoder_teacher import TransformerTeacher
    return TransformerTeacher(place, resolve_device(device))


def _single_label(place: str, source: str) -> Engine:
    engine = load(place)
    if engine.labelling.multi_label:
        raise ConfigError(f"the teacher {source} is a multi-label model: use a single-label one")
    return engine


def columns_of(teacher: Sequence[Label], classes: Sequence[Label]) -> NDArray[np.int64]:
    """Return the column of each class in the teacher's predictions, (classes,).

    The names must be the same, except for upper and lower case; `LABEL_3`, the name that
    `transformers` gives a class without one, stands for 3.

    Raises:
        ConfigError: If the classes are not the same.
    """
    for spell in (str, label_key, lambda name: str(name).casefold(), _without_prefix):
        positions = {spell(name): column for column, name in enumerate(teacher)}
        wanted = [spell(label) for label in classes]
        if len(positions) == len(teacher) and sorted(positions) == sorted(wanted):
            return np.array([positions[label] for label in wanted])
    raise ConfigError(
        f"the teacher has the classes {listed(list(teacher))}, the data {listed(list(classes))}:"
        f" they must be the same (transformers keeps their names in {CONFIG}, under id2label)"
    )


def _without_prefix(name: Label) -> str:
    return str(name).removeprefix("LABEL_")
