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
_ENTRIES_AT_ONCE: Final = 256


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
        source: A folder of `transformers` with the weights as safetensors and a tokenizer, or
            `hub:OWNER/NAME[@REVISION]`.
        size: The numbers of a vector. An encoder with fewer outputs gives fewer.

    Raises:
        ModelFolderError: If there is no such encoder, or it cannot be used.
        MissingExtraError: If `transformers` is not installed.
    """
    folder = expanded(Path(source))
    place = str(folder) if folder.is_dir() else source.removeprefix(HUB_PREFIX)
    if not (folder.is_dir() or HUB_ID.fullmatch(place)):
        raise ModelFolderError(f"no encoder at {source}: there is no such folder")
    tokenizer = read_tokenizer(place)
    ids = word_forms(tokenizer)
    outputs = _mean_outputs(place, tokenizer, list(ids.values()))
    whole = np.array([not word.startswith(CONTINUES) for word in ids])
    vectors = principal_components(outputs, size, whole if whole.any() else None)
    return Distilled(tokenizer, ids, vectors * _weights(list(ids))[:, None])


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


def _mean_outputs(source: str, tokenizer: Tokenizer, ids: list[int]) -> NDArray[np.float32]:
    """Return the mean of the encoder's outputs for each entry as a text, (entries, width)."""
    encoder: Any = read_pretrained(source, "AutoModel", "encoder", may_lack=("pooler.",)).eval()
    rows = len(encoder.get_input_embeddings().weight)
    if max(ids, default=0) >= rows:
        raise ModelFolderError(
            f"{source}: its tokenizer has ids up to {max(ids):,}, but the encoder only {rows:,}"
        )
    before, after = _special_ids(tokenizer)
    outputs = []
    with stage("distilling", len(ids), "words") as running, torch.inference_mode():
        for start in range(0, len(ids), _ENTRIES_AT_ONCE):
            chosen = ids[start : start + _ENTRIES_AT_ONCE]
            texts = torch.tensor([[*before, index, *after] for index in chosen])
            outputs.append(_hidden(encoder, texts, source).mean(dim=1).numpy())
            running.advance(len(chosen))
    return np.concatenate(outputs)


def _hidden(encoder: Any, texts: torch.Tensor, source: str) -> torch.Tensor:  # noqa: ANN401
    """Return the encoder's outputs, (texts, tokens, width)."""
    try:
        hidden: torch.Tensor = encoder(
            input_ids=texts, attention_mask=torch.ones_like(texts)
        ).last_hidden_state
    except Exception as error:  # each kind of model of transformers refuses in its own way
        raise ModelFolderError(
            f"{source} cannot be used as an encoder of texts: {first_line(error)}"
        ) from error
    if not hidden.isfinite().all():
        raise ModelFolderError(f"{source} is damaged: its outputs are not finite")
    return hidden


def _special_ids(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the ids that a text begins and ends with, such as `[CLS]` and `[SEP]`."""
    within, ids = tokenizer.encode("a", add_special_tokens=False).ids, tokenizer.encode("a").ids
    if ids == within:  # BERT's vocab.txt does not say
        first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        return ([], []) if first is None or last is None else ([first], [last])
    starts = range(len(ids) - len(within) + 1)
    start = next((at for at in starts if ids[at : at + len(within)] == within), 0)
    return ids[:start], ids[start + len(within) :]
