"""Folders of word vectors, in the layout of model2vec: a table of tokens and their tokenizer.

`config.json` describes them, `model.safetensors` has the table, and `tokenizer.json` the words.
Larger vocabularies may share rows: then `mapping` has the row of each token. `weights` has what its
row is multiplied by.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from wave_network._version import __version__
from wave_network.errors import ModelFolderError, first_line
from wave_network.few_labels.vector_table import VectorTable
from wave_network.persistence.contents import parse_object, read_file
from wave_network.persistence.folder import write_json
from wave_network.persistence.format import CONFIG, TOKENIZER, WEIGHTS
from wave_network.persistence.replaceable import FolderKind
from wave_network.text.loading import read_tokenizer
from wave_network.text.word_forms import word_forms

MODEL_TYPE: Final = "model2vec"

TABLE: Final = "embeddings"
"""The tensor of the vectors."""

_TABLES: Final = (TABLE, "embedding.weight")  # sentence-transformers writes the latter
_LARGEST: Final = 2**31  # bytes
_LARGEST_NUMBER: Final = 1e6  # ordinary numbers are below 10


def is_vector_folder(folder: Path) -> bool:
    """Whether a folder holds word vectors."""
    try:
        description = parse_object(read_file(folder / CONFIG), folder / CONFIG)
    except (ModelFolderError, ValueError):  # ValueError: a name with a zero byte
        return False
    return description.get("model_type") == MODEL_TYPE


VECTOR_FOLDER: Final = FolderKind(
    "a folder of vectors", frozenset((CONFIG, WEIGHTS, TOKENIZER)), is_vector_folder
)


def write_vector_folder(
    folder: Path,
    tokenizer: Tokenizer,
    vectors: NDArray[np.float32],
    encoder: str,
    *,
    more_tensors: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    more_config: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write vectors into an existing folder, as float16; model2vec reads it as well.

    Args:
        folder: The folder.
        tokenizer: It finds the tokens of a text.
        vectors: A row for every id of the tokenizer, (ids, size).
        encoder: Where the vectors come from.
        more_tensors: Other tensors by name; `weights` are factors of the rows.
        more_config: Other entries of `config.json`.

    Raises:
        OSError: If it cannot be written.
    """
    from safetensors.numpy import save_file

    config = {
        "model_type": MODEL_TYPE,
        "architectures": ["StaticModel"],
        "tokenizer_name": encoder,
        "hidden_dim": vectors.shape[1],
        "normalize": True,
        "embedding_dtype": "float16",
        "wave_network_version": __version__,
        **more_config,
    }
    save_file({TABLE: vectors.astype(np.float16), **more_tensors}, folder / WEIGHTS)
    tokenizer.save(str(folder / TOKENIZER), pretty=False)
    write_json(folder / CONFIG, config)


def read_vector_folder(folder: Path) -> VectorTable:
    """Read the vectors of a folder. Words whose vector is 0 are left out.

    Args:
        folder: With `model.safetensors` and `tokenizer.json`, of model2vec or from
            `write_vector_folder`.

    Raises:
        ModelFolderError: If a file is missing, damaged or too large, or they do not fit together.
    """
    tokenizer = read_tokenizer(folder)
    ids = word_forms(tokenizer)
    vectors = _vectors(read_tensors(folder / WEIGHTS), list(ids.values()), folder / WEIGHTS)
    words = list(ids)
    told = np.flatnonzero(vectors.any(axis=1))
    if not len(told):
        raise ModelFolderError(f"{folder} holds no word vectors: all are 0")
    return VectorTable([words[place] for place in told], vectors[told], is_cased(tokenizer))


def is_cased(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer tells capital letters apart."""
    return tokenizer.normalizer is None or tokenizer.normalizer.normalize_str("A") != "a"


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read the tensors of a file.

    Raises:
        ModelFolderError: If it is missing, damaged or too large.
    """
    from safetensors.numpy import load

    try:
        if path.stat().st_size > _LARGEST:
            raise ModelFolderError(f"{path} is larger than {_LARGEST:,} bytes: use smaller vectors")
    except OSError:
        pass  # read_file says what is wrong
    content = read_file(path)
    try:
        tensors: dict[str, NDArray[Any]] = load(content)
    except Exception as error:  # SafetensorError, or whatever NumPy says of a type it has not
        raise ModelFolderError(f"{path} is damaged: {first_line(error)}") from error
    return tensors


def _vectors(tensors: dict[str, NDArray[Any]], ids: list[int], path: Path) -> NDArray[np.float32]:
    """Return the vector of each id, (ids, size)."""
    table = next((tensors[name] for name in _TABLES if name in tensors), None)
    if table is None or table.ndim != 2 or not table.size:
        raise ModelFolderError(
            f"{path} holds no word vectors: it has no table {_TABLES[0]} as model2vec writes it"
        )
    rows: NDArray[Any] = np.array(ids, np.int64)
    weights = tensors.get("weights")
    vectors: NDArray[np.float32]
    try:
        chosen = tensors["mapping"][rows] if "mapping" in tensors else rows
        vectors = table[chosen].astype(np.float32)
        if weights is not None:
            vectors *= weights[rows].reshape(-1, 1)
    except (IndexError, ValueError, TypeError) as error:
        raise ModelFolderError(
            f"{path} is damaged, or of another {TOKENIZER}: {first_line(error)}"
        ) from error
    if not (np.abs(vectors) <= _LARGEST_NUMBER).all():  # not so if one is no number
        raise ModelFolderError(f"{path} is damaged: its vectors are not numbers of ordinary size")
    return vectors
