"""Pretrained word vectors, from whatever `--vectors` names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ModelFolderError, extra_needed, first_line, option_name
from wave_network.few_labels.english import ENGLISH, read_english
from wave_network.few_labels.vec_files import read_vec_file
from wave_network.few_labels.vector_folders import MODEL_TYPE, is_cased, read_vector_folder
from wave_network.few_labels.vector_table import (
    VectorTable,
    frequency_weights,
    principal_components,
)
from wave_network.huggingface.download import hub_file
from wave_network.huggingface.ids import HUB_ID, HUB_PREFIX, hub_hint
from wave_network.persistence.contents import is_language_model, parse_object, read_file
from wave_network.persistence.format import CONFIG, TOKENIZER, WEIGHTS
from wave_network.persistence.format import MODEL_TYPE as OURS
from wave_network.persistence.paths import expanded

AUTO: Final = "auto"
"""The source that means the set in the package."""

MOST_NUMBERS: Final = 256
"""Of a wider vector only the first principal components are kept."""


@dataclass(frozen=True)
class WordVectors:
    """Words and what is known of their meaning.

    Attributes:
        name: What they are called: `english` for the set in the package, else the source as given.
        words: The most frequent first. A piece that continues a word begins with `##`; marks of
            tokenizers, such as `▁` or `Ġ`, are removed.
        vectors: float32, (words, size): centred, the principal components first, shorter for
            frequent words. The size is at most `MOST_NUMBERS`.
        cased: Whether capital letters are told apart; if not, all words are in lower case.
    """

    name: str
    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    cased: bool

    @cached_property
    def places(self) -> dict[str, int]:
        """The index of each word; of a word with capital letters also by that word without them."""
        places = {word: place for place, word in enumerate(self.words)}
        if not self.cased:
            return places
        capitalised = reversed([*places.items()])  # the most frequent spelling last
        return {word.lower(): place for word, place in capitalised} | places


def read_vectors(source: str) -> WordVectors:
    """Read word vectors.

    Args:
        source: `auto`, the English set in the package; a folder of model2vec or of
            `wave-network distill`; a `.vec` text file of fastText or GloVe, also compressed; the
            folder of a sentence encoder, which is distilled; or `hub:OWNER/NAME[@REVISION]`, either
            of these folders on the Hub.

    Raises:
        ModelFolderError: If there is none, or it cannot be read.
        DataError: If a file holds no vectors.
        MissingExtraError: For an encoder, if `transformers` is not installed.
    """
    if source == AUTO:
        return _named(ENGLISH, read_english())
    if source.startswith(HUB_PREFIX):
        return _named(source, _of_hub(source))
    path = expanded(Path(source))
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise ModelFolderError(f"{source} cannot be read: {first_line(error)}") from error
    if is_folder:
        is_table = not (path / CONFIG).exists() or _is_table(source, path / CONFIG)
        return _named(source, read_vector_folder(path) if is_table else _distilled(str(path)))
    if exists:
        table = read_vec_file(path)
        vectors = principal_components(table.vectors, MOST_NUMBERS)
        weighted = vectors * frequency_weights(len(vectors))[:, None]
        return _named(source, table._replace(vectors=weighted))
    raise ModelFolderError(
        f"no vectors at {source}: there is no such file or folder{hub_hint(source)}"
    )


def _named(name: str, table: VectorTable) -> WordVectors:
    vectors = table.vectors
    if vectors.shape[1] > MOST_NUMBERS:
        vectors = principal_components(vectors, MOST_NUMBERS)
    return WordVectors(name, tuple(table.words), vectors, table.cased)


def _of_hub(source: str) -> VectorTable:
    place = source.removeprefix(HUB_PREFIX)
    if not HUB_ID.fullmatch(place):
        raise ModelFolderError(f"{source} is no repository on the Hub: give hub:OWNER/NAME")
    if not _is_table(source, hub_file(place, CONFIG)):
        return _distilled(place)
    hub_file(place, TOKENIZER)
    return read_vector_folder(hub_file(place, WEIGHTS).parent)


def _is_table(source: str, description: Path) -> bool:
    """Whether a folder's `config.json` describes word vectors; otherwise it is an encoder's."""
    described = parse_object(read_file(description), description)
    model_type = described.get("model_type")
    if model_type == OURS and is_language_model(described):
        raise ModelFolderError(
            f"{source} is a language model, not word vectors: give the texts that it has read as "
            f"{option_name('unlabeled')}, from which a classifier learns more"
        )
    if model_type == OURS:
        raise ModelFolderError(
            f"{source} is a Wave Network model, not word vectors: continue training it with "
            f"{option_name('base_model')}, or give vectors or a sentence encoder"
        )
    return model_type in (MODEL_TYPE, None)


def _distilled(source: str) -> VectorTable:
    with extra_needed("transformers", "distilling a sentence encoder"):
        from wave_network.few_labels.encoders import SIZE, distil
    tokenizer, ids, vectors = distil(source, SIZE)
    return VectorTable(list(ids), vectors, is_cased(tokenizer))
