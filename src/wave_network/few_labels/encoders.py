"""Distil word vectors from a sentence encoder: each entry of its vocabulary is a text of its own.

So did model2vec (Tulkens and van Dongen, 2024). The encoder's outputs for such a text, special
tokens included, are averaged; then the principal components are kept, and frequent words weigh
less.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from wave_network.config.checks import check_range
from wave_network.errors import ModelFolderError, first_line
from wave_network.few_labels.vector_folders import VECTOR_FOLDER, write_vector_folder
from wave_network.few_labels.vector_table import (
    frequency_weights,
    principal_components,
)
from wave_network.huggingface.ids import HUB_ID, HUB_PREFIX
from wave_network.huggingface.pretrained import read_pretrained
from wave_network.persistence.atomic import replacing_folder
from wave_network.persistence.folder import size_bytes
from wave_network.persistence.paths import expanded
from wave_network.progress.stages import stage
from wave_network.text.loading import read_tokenizer
from wave_network.text.word_forms import CONTINUES, word_forms

SIZE: Final = 128
"""The usual numbers of a vector. With 384 the accuracy was the same to half a point."""

_MOST_NUMBERS: Final = 4_096
_TEXTS_AT_ONCE: Final = 256


class SentenceEncoder:
    """A pretrained encoder of texts, with its tokenizer.

    Args:
        source: A folder of `transformers` with the weights as safetensors and a tokenizer, or
            `hub:OWNER/NAME[@REVISION]`.

    Raises:
        ModelFolderError: If there is none, or its files do not fit together.
        MissingExtraError: If `transformers` is not installed.

    Attributes:
        tokenizer: The tokenizer.
    """

    def __init__(self, source: str) -> None:
        folder = expanded(Path(source))
        place = str(folder) if folder.is_dir() else source.removeprefix(HUB_PREFIX)
        if not (folder.is_dir() or HUB_ID.fullmatch(place)):
            raise ModelFolderError(f"no encoder at {source}: there is no such folder")
        self.tokenizer = read_tokenizer(place)
        self.tokenizer.no_padding()  # many are stored with it
        self.tokenizer.no_truncation()
        self._model: Any = read_pretrained(place, "AutoModel", "encoder", may_lack=("pooler.",))
        self._model.eval()
        highest = max(self.tokenizer.get_vocab().values(), default=0)
        rows = len(self._model.get_input_embeddings().weight)
        if highest >= rows:
            raise ModelFolderError(
                f"{source}: its tokenizer has ids up to {highest:,}, but the encoder only {rows:,}"
            )
        self._before, self._after = _special_ids(self.tokenizer)
        self._source = source

    @torch.inference_mode()
    def mean_outputs(self, texts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the mean of the outputs for each text and its special tokens, (texts, width).

        Args:
            texts: Ids, (texts, tokens), without special tokens.

        Raises:
            ModelFolderError: If it is no encoder of texts, or its outputs are not finite.
        """
        outputs = []
        with stage("distilling", len(texts), "words") as running:
            for start in range(0, len(texts), _TEXTS_AT_ONCE):
                rows = [
                    [*self._before, *row, *self._after] for row in texts[start:][:_TEXTS_AT_ONCE]
                ]
                outputs.append(self._hidden(torch.tensor(rows)).mean(dim=1).numpy())
                running.advance(len(rows))
        return np.concatenate(outputs)

    def _hidden(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (texts, tokens, width)."""
        try:
            output = self._model(input_ids=ids, attention_mask=torch.ones_like(ids))
            hidden: torch.Tensor = output.last_hidden_state
        except Exception as error:  # each kind of model of transformers refuses in its own way
            raise ModelFolderError(
                f"{self._source} cannot be used as an encoder of texts: {first_line(error)}"
            ) from error
        if not hidden.isfinite().all():
            raise ModelFolderError(f"{self._source} is damaged: its outputs are not finite")
        return hidden


class Distilled(NamedTuple):
    """An encoder's vocabulary with vectors.

    Attributes:
        tokenizer: The encoder's tokenizer.
        ids: The entries' ids by the words that they stand for, the most frequent first.
        vectors: float32, (entries, size), in the order of `ids`.
    """

    tokenizer: Tokenizer
    ids: dict[str, int]
    vectors: NDArray[np.float32]


def distil(source: str, size: int) -> Distilled:
    """Distil the vocabulary of an encoder.

    Args:
        source: As for `SentenceEncoder`.
        size: The numbers of a vector. An encoder with fewer outputs gives fewer.

    Raises:
        ModelFolderError: If there is no such encoder, or it cannot be used.
        MissingExtraError: If `transformers` is not installed.
    """
    encoder = SentenceEncoder(source)
    ids = word_forms(encoder.tokenizer)
    if not ids:
        raise ModelFolderError(f"{source} has no words in its vocabulary")
    outputs = encoder.mean_outputs(np.array([*ids.values()])[:, None])
    whole = np.array([not word.startswith(CONTINUES) for word in ids])
    vectors = principal_components(outputs, size, whole if whole.any() else None)
    return Distilled(encoder.tokenizer, ids, vectors * _weights(list(ids))[:, None])


def _weights(words: list[str]) -> NDArray[np.float32]:
    """Weight words by their ranks; single characters, which BERT lists first, among themselves."""
    single = np.array([len(word.removeprefix(CONTINUES)) == 1 for word in words])
    weights = np.empty(len(words), np.float32)
    for group in (single, ~single):
        weights[group] = frequency_weights(int(group.sum()))
    return weights


def write_distilled(
    source: str, output: Path, size: int, *, overwrite: bool = False
) -> dict[str, Any]:
    """Distil the vocabulary of an encoder into a folder of vectors.

    Args:
        source: As for `distil`.
        output: The folder to write.
        size: As for `distil`.
        overwrite: Replace an existing folder of vectors.

    Returns:
        `vectors`, `encoder`, `words`, `size` and `size_bytes`.

    Raises:
        ConfigError: If the size is below 1 or above 4,096.
        ModelFolderError: As `distil`.
        MissingExtraError: As `distil`.
        OutputError: If the folder cannot be written.
    """
    check_range("size", size, 1, _MOST_NUMBERS)
    VECTOR_FOLDER.check_output(output, overwrite=overwrite)
    tokenizer, ids, vectors = distil(source, size)
    table = np.zeros((max(tokenizer.get_vocab().values()) + 1, vectors.shape[1]), np.float32)
    table[list(ids.values())] = vectors
    check = VECTOR_FOLDER.check_replaceable
    with replacing_folder(output, overwrite=overwrite, check=check) as new:
        write_vector_folder(new, tokenizer, table, source)
    return {
        "vectors": str(output),
        "encoder": source,
        "words": len(ids),
        "size": vectors.shape[1],
        "size_bytes": size_bytes(output),
    }


def _special_ids(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the ids that a text begins and ends with, such as `[CLS]` and `[SEP]`."""
    within, ids = tokenizer.encode("a", add_special_tokens=False).ids, tokenizer.encode("a").ids
    if ids == within:  # BERT's vocab.txt does not say
        first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        return ([], []) if first is None or last is None else ([first], [last])
    starts = range(len(ids) - len(within) + 1)
    start = next((at for at in starts if ids[at : at + len(within)] == within), 0)
    return ids[:start], ids[start + len(within) :]
