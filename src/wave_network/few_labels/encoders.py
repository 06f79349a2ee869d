"""Distil word vectors from a sentence encoder: each entry of its vocabulary is a text of its own.

So did model2vec (Tulkens and van Dongen, 2024). The encoder's outputs for such a text, special
tokens included, are averaged; then the principal components are kept, and frequent words weigh
less.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from wave_network.errors import ModelFolderError, first_line
from wave_network.few_labels.vector_table import (
    frequency_weights,
    principal_components,
)
from wave_network.huggingface.pretrained import read_pretrained
from wave_network.progress.stages import stage
from wave_network.text.loading import read_tokenizer
from wave_network.text.word_forms import CONTINUES, word_forms

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
        source: A folder of `transformers` or a Hub id, `OWNER/NAME[@REVISION]`, with the weights as
            safetensors and a tokenizer.
        size: The numbers of a vector. An encoder with fewer outputs gives fewer.

    Raises:
        ModelFolderError: If there is no such encoder, or it cannot be used.
        MissingExtraError: If `transformers` is not installed.
    """
    tokenizer = read_tokenizer(source)
    ids = word_forms(tokenizer)
    outputs = _mean_outputs(source, tokenizer, list(ids.values()))
    whole = np.array([not word.startswith(CONTINUES) for word in ids])
    vectors = principal_components(outputs, size, whole if whole.any() else None)
    return Distilled(tokenizer, ids, vectors * frequency_weights(len(ids))[:, None])


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
    within = tokenizer.encode("a", add_special_tokens=False).ids
    ids = tokenizer.encode("a").ids
    for start in range(len(ids) - len(within) + 1):
        if ids[start : start + len(within)] == within:
            return ids[:start], ids[start + len(within) :]
    return [], []
