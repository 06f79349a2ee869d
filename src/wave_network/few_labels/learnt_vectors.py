"""Word vectors that were learnt here: as a folder, and as a `.vec` text file.

The folder has the layout of model2vec, so that `--vectors` and model2vec read it, and in the same
file the vectors of n-grams of characters, for words that it lacks.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from tokenizers import models

from wave_network.errors import ModelFolderError, first_line
from wave_network.few_labels.vector_folders import (
    TABLE,
    VECTOR_FOLDER,
    is_cased,
    is_vector_folder,
    read_tensors,
    write_vector_folder,
)
from wave_network.few_labels.vector_table import SIF
from wave_network.persistence.atomic import check_new, replacing_file, replacing_folder
from wave_network.persistence.contents import parse_object, read_file
from wave_network.persistence.format import CONFIG, WEIGHTS
from wave_network.text.fasttext_dictionary import FastTextDictionary
from wave_network.text.fasttext_tokenizer import refusal
from wave_network.text.loading import read_tokenizer
from wave_network.text.whole_words import whole_words_tokenizer
from wave_network.text.word_forms import in_order

SOURCE: Final = "wave-network vectors"
"""What `config.json` names as their origin."""

_VEC: Final = (".vec", ".vec.gz")
_HEADER: Final = re.compile(rb"\d+ \d+\n")
_LONGEST_HEADER: Final = 64
_UNKNOWN: Final = "[UNK]"
_NGRAMS: Final = ("shortest", "longest", "buckets")
_COUNTS, _BUCKETS, _SUBWORDS = "counts", "subwords.buckets", "subwords.vectors"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LearntVectors:
    """Words and n-grams of characters with vectors.

    Attributes:
        dictionary: The words, the most frequent first, and the n-grams that have a vector.
        vectors: Of the words, float32, (words, size); numbers of 16 bits.
        subwords: Of the n-grams, likewise, (n-grams, size).
        cased: Whether capital letters are told apart.
    """

    dictionary: FastTextDictionary
    vectors: Floats
    subwords: Floats
    cased: bool

    @property
    def words(self) -> list[str]:
        """The words as text."""
        return [word.decode() for word in self.dictionary.entries]


def check_vectors_output(path: Path, *, overwrite: bool) -> None:
    """Check before the work whether vectors can be written to a place.

    Raises:
        OutputError: If it exists and must not be replaced, or cannot be written.
    """
    if is_vec_name(path):
        check_new(path, overwrite=overwrite)
    else:
        VECTOR_FOLDER.check_output(path, overwrite=overwrite)


def is_vec_name(path: Path) -> bool:
    """Whether vectors are written to this place as text: its name ends in .vec or .vec.gz."""
    return path.name.lower().endswith(_VEC)


def is_vec_file(path: Path) -> bool:
    """Whether a file begins as `.vec` files that are written here."""
    try:
        packed = path.name.lower().endswith(".gz")
        with gzip.open(path) if packed else path.open("rb") as file:
            return _HEADER.fullmatch(file.readline(_LONGEST_HEADER)) is not None
    except (OSError, EOFError):
        return False


def write_vectors(path: Path, vectors: LearntVectors, *, overwrite: bool) -> None:
    """Write vectors as text if the name ends in `.vec` or `.vec.gz`, else as a folder.

    Raises:
        OutputError: As `check_vectors_output`; what was there is unchanged.
    """
    if not is_vec_name(path):
        check = VECTOR_FOLDER.check_replaceable
        with replacing_folder(path, overwrite=overwrite, check=check) as new:
            _write_folder(new, vectors)
        return
    with replacing_file(path, overwrite=overwrite) as file:
        binary = cast(IO[bytes], cast(TextIOWrapper, file).buffer)
        if path.name.lower().endswith(".gz"):
            with gzip.GzipFile("", "wb", fileobj=binary, mtime=0) as packed:
                packed.writelines(_vec_lines(vectors))
        else:
            binary.writelines(_vec_lines(vectors))


def _vec_lines(vectors: LearntVectors) -> Iterator[bytes]:
    yield f"{len(vectors.vectors)} {vectors.vectors.shape[1]}\n".encode()
    for word, row in zip(vectors.dictionary.entries, vectors.vectors, strict=True):
        numbers = " ".join(f"{value:.5g}" for value in row.tolist())
        yield word + f" {numbers}\n".encode()


def _write_folder(folder: Path, vectors: LearntVectors) -> None:
    dictionary = vectors.dictionary
    ids = {word: place for place, word in enumerate(vectors.words)}
    ids.setdefault(_UNKNOWN, len(ids))
    tokenizer = whole_words_tokenizer(models.WordLevel(ids, _UNKNOWN), cased=vectors.cased)
    shares = dictionary.counts / max(int(dictionary.counts.sum()), 1)
    weights = np.zeros(len(ids), np.float32)
    weights[: dictionary.words] = SIF / (SIF + shares)
    table = np.zeros((len(ids), vectors.vectors.shape[1]), np.float32)
    table[: dictionary.words] = vectors.vectors
    buckets, _ = dictionary.kept or (np.empty(0, np.int32), None)
    write_vector_folder(
        folder,
        tokenizer,
        table,
        SOURCE,
        more_tensors={
            "weights": weights,
            _COUNTS: dictionary.counts,
            _BUCKETS: buckets,
            _SUBWORDS: vectors.subwords.astype(np.float16),
        },
        more_config={"subwords": {name: getattr(dictionary, name) for name in _NGRAMS}},
    )


def is_learnt_folder(path: Path) -> bool:
    """Whether a folder holds vectors that were learnt here."""
    return is_vector_folder(path) and "subwords" in _described(path)


def read_learnt_vectors(folder: Path) -> LearntVectors:
    """Read a folder that `write_vectors` wrote.

    Raises:
        ModelFolderError: If it is damaged.
    """
    tokenizer = read_tokenizer(folder)
    entries = [*in_order(tokenizer.get_vocab())]
    try:
        found = _checked(_described(folder)["subwords"], read_tensors(folder / WEIGHTS), entries)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFolderError(f"{folder} is damaged: {first_line(error)}") from error
    return LearntVectors(*found, is_cased(tokenizer))


def _checked(
    settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], entries: list[str]
) -> tuple[FastTextDictionary, Floats, Floats]:
    """Return the dictionary, the vectors of words and those of n-grams that a folder holds."""
    counts, kept = tensors[_COUNTS].astype(np.int64), tensors[_BUCKETS].astype(np.int32)
    table = tensors[TABLE].astype(np.float32)
    subwords = tensors[_SUBWORDS].astype(np.float32)
    if counts.ndim != 1 or entries[len(counts) :] not in ([], [_UNKNOWN]):
        raise ValueError("its words are not as many as their counts")
    if table.ndim != 2 or len(table) != len(entries):
        raise ValueError("its words are not as many as their vectors")
    if kept.ndim != 1 or subwords.shape != (len(kept), table.shape[1]):
        raise ValueError("its tables do not fit together")
    if not (np.isfinite(table).all() and np.isfinite(subwords).all()):
        raise ValueError("its vectors are not finite")
    dictionary = FastTextDictionary(
        [word.encode() for word in entries[: len(counts)]],
        counts,
        words=len(counts),
        ngram=1,
        **{name: int(settings[name]) for name in _NGRAMS},
        kept=(kept, np.arange(len(kept), dtype=np.int32)),
    )
    if reason := refusal(dictionary):
        raise ValueError(reason)
    return dictionary, table[: len(counts)], subwords


def _described(folder: Path) -> dict[str, Any]:
    return parse_object(read_file(folder / CONFIG), folder / CONFIG)
