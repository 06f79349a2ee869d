"""Word vectors that were learnt here, with the methods of the archived module's models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from wave_network.errors import ConfigError
from wave_network.fasttext.file import FastTextArguments, FastTextFile
from wave_network.fasttext.original import OriginalModel
from wave_network.few_labels.learnt_vectors import (
    LearntVectors,
    is_vec_file,
    is_vec_name,
    write_vectors,
)
from wave_network.models.numpy_ops import Floats
from wave_network.numerics.sparse import CsrMatrix
from wave_network.text.fasttext_dictionary import line_reader

_NONE: Final = dict.fromkeys(("ws", "epoch", "minCount", "neg", "lrUpdateRate"), 0)


class VectorModel(OriginalModel):
    """Word vectors that were learnt here, in the form of a model of fastText.

    The vector of a word is the mean of the row of the word itself and those of its n-grams.

    Args:
        vectors: The vectors.
        source: The folder that they come from; None: they were just learnt.
    """

    def __init__(self, vectors: LearntVectors, source: Path | None = None) -> None:
        self._vectors = vectors
        super().__init__(_file_of(vectors), source or Path())

    def get_output_matrix(self) -> Floats:
        """Refuse: there is none.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError("get_output_matrix: word vectors that were learnt here have none")

    def save_model(self, path: str | Path) -> None:
        """Write the vectors' folder, or with a name that ends in `.vec` or `.vec.gz` a text file.

        Vectors that are there are replaced.

        Raises:
            OutputError: If it cannot be written, or something else is there.
        """
        place = Path(path)
        write_vectors(place, self._vectors, overwrite=not is_vec_name(place) or is_vec_file(place))

    def quantize(self, input: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Refuse: word vectors are stored in 16 bits.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError("word vectors that were learnt here are stored in 16 bits already")


def _file_of(vectors: LearntVectors) -> FastTextFile:
    """Return the file that fastText would have written for these vectors."""
    dictionary = vectors.dictionary
    arguments = FastTextArguments(
        dim=vectors.vectors.shape[1],
        wordNgrams=dictionary.ngram,
        loss="ns",
        model="skipgram",
        bucket=dictionary.buckets,
        minn=dictionary.shortest,
        maxn=dictionary.longest,
        t=0.0,
        **_NONE,
    )
    table = np.concatenate([_own_rows(vectors), vectors.subwords])
    return FastTextFile(arguments, dictionary, {"input.weight": table}, 0, 0)


def _own_rows(vectors: LearntVectors) -> Floats:
    """Return the rows of the words with which the means of all their rows are their vectors."""
    words = vectors.dictionary.words
    lines = line_reader(vectors.dictionary).read(vectors.dictionary.entries)
    ngrams = lines.ids >= words
    ends = np.concatenate([[0], np.cumsum(ngrams)])[lines.offsets]
    rows = lines.ids[ngrams] - words
    ones = np.ones(len(rows), np.float32)
    sums = CsrMatrix.of_parts(ones, rows, ends, len(vectors.subwords)) @ vectors.subwords
    own: Floats = vectors.vectors * (1 + np.diff(ends))[:, None].astype(np.float32) - sums
    return own
