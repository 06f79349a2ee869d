"""Teachers: classifiers whose predictions a new model learns from (Hinton et al., 2015).

A teacher is a Wave Network model or any sequence classifier of `transformers`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data.plain_labels import label_key
from wave_network.errors import ConfigError, ModelFolderError, first_line, listed
from wave_network.huggingface.download import hub_file
from wave_network.huggingface.ids import HUB_ID, HUB_PREFIX
from wave_network.huggingface.pretrained import place_of, read_pretrained, silence
from wave_network.persistence.contents import parse_object, read_file
from wave_network.persistence.format import CONFIG, MODEL_TYPE
from wave_network.runtime import load

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

_BATCH_SIZE: Final = 32
_MOST_TOKENS: Final = 512  # some models read thousands, at a cost that grows as their square
_CHARACTERS_PER_TOKEN: Final = 64  # longer texts are cut before they are tokenised


class Teacher(Protocol):
    """A classifier to learn from."""

    @property
    def labels(self) -> Sequence[Label]:
        """The classes, in the order of `predict_proba`'s columns."""

    def predict_proba(self, texts: list[str]) -> NDArray[np.float32]:
        """Predict probabilities, (texts, classes)."""


def read_teacher(source: str, device: torch.device) -> Teacher:
    """Read a teacher.

    Args:
        source: A Wave Network model folder, or a folder of `transformers` with a sequence
            classifier and its tokenizer; or the Hub id of either, `OWNER/NAME` or
            `hub:OWNER/NAME`, with `@REVISION` if it is to be a certain one.
        device: The device for a model of `transformers`.

    Raises:
        ModelFolderError: If the model is missing or cannot be read.
        ConfigError: If it is not a single-label classifier.
        MissingExtraError: If it needs `transformers`, which is not installed.
    """
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
        engine = load(source if os.path.isdir(source) else f"{HUB_PREFIX}{place}")
        if engine.labelling.multi_label:
            raise ConfigError(
                f"the teacher {source} is a multi-label model: use a single-label one"
            )
        return engine
    return TransformerTeacher(place, device)


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


class TransformerTeacher:
    """A sequence classifier of `transformers`.

    Args:
        source: A folder or a Hub id, with the weights as safetensors and a tokenizer.
        device: The device for the model.

    Raises:
        ModelFolderError: If the model is missing or cannot be read.
        ConfigError: If it is not a single-label classifier.
        MissingExtraError: If `transformers` is not installed.
    """

    def __init__(self, source: str, device: torch.device) -> None:
        model = read_pretrained(source, "AutoModelForSequenceClassification", "classifier")
        config = model.config
        if config.num_labels < 2 or config.problem_type == "multi_label_classification":
            raise ConfigError(f"the teacher {source} is not a single-label classifier: use one")
        try:
            self.labels: list[Label] = [config.id2label[i] for i in range(config.num_labels)]
        except (TypeError, LookupError) as error:
            raise ModelFolderError(f"{source} does not name its classes (id2label)") from error
        self._tokenizer = _read_tokenizer(source)
        self._max_length = _max_length(config, self._tokenizer)
        self._model = model.to(device).eval()
        self._device = device

    @torch.inference_mode()
    def predict_proba(self, texts: list[str]) -> NDArray[np.float32]:
        """Predict probabilities, (texts, classes), from the beginning of each text."""
        beginnings = [text[: _CHARACTERS_PER_TOKEN * self._max_length] for text in texts]
        # Batch texts of similar length, for little padding.
        order = sorted(range(len(texts)), key=lambda index: len(beginnings[index]))
        result = np.empty((len(texts), len(self.labels)), np.float32)
        for start in range(0, len(order), _BATCH_SIZE):
            chosen = order[start : start + _BATCH_SIZE]
            inputs = self._tokenizer(
                [beginnings[index] for index in chosen],
                truncation=True,
                max_length=self._max_length,
                padding=True,
                return_tensors="pt",
            )
            logits = self._model(**inputs.to(self._device)).logits
            result[chosen] = logits.softmax(dim=1).cpu().numpy()
        return result


def _read_tokenizer(source: str) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    place, revision = place_of(source)
    try:
        with silence():
            tokenizer: Any = AutoTokenizer.from_pretrained(
                place, revision=revision, trust_remote_code=False
            )
    except Exception as error:  # transformers lets whatever goes wrong through
        raise ModelFolderError(
            f"{source} has no tokenizer that can be read: {first_line(error)}"
        ) from error
    # Without a vocabulary, `transformers` returns a tokenizer of special tokens only.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ModelFolderError(f"{source} has no tokenizer: save it there, too")
    if tokenizer.pad_token is None:
        raise ModelFolderError(f"{source}: its tokenizer names no padding token (pad_token)")
    return tokenizer


def _max_length(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the maximum number of tokens of a text, at most 512."""
    positions = getattr(config, "max_position_embeddings", _MOST_TOKENS)
    if config.model_type in ("camembert", "mpnet", "roberta", "xlm-roberta"):
        positions -= config.pad_token_id + 1  # their positions start there
    return int(min(positions, tokenizer.model_max_length, _MOST_TOKENS))
