"""The word vectors that come with the package: English, distilled from all-MiniLM-L6-v2.

`dev/english_vectors.py` makes the file. The encoder is licensed under Apache-2.0 (see NOTICE). A
vector has `SIZE` numbers of 4 bits.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.few_labels.vector_table import VectorTable
from wave_network.persistence.quantization import pack_table, unpack_table

ENGLISH: Final = "english"
"""What the set is called."""

FILE: Final = Path(__file__).with_name("english.safetensors")


def read_english() -> VectorTable:
    """Read the set that comes with the package."""
    from safetensors.numpy import load_file

    tensors = load_file(FILE)
    words = zlib.decompress(tensors["words"].tobytes()).decode().split("\n")
    vectors = unpack_table(tensors["vectors"], tensors["scales"], rows=len(words))
    return VectorTable(words, vectors, cased=False)


def write_english(words: list[str], vectors: NDArray[np.float32], file: Path = FILE) -> None:
    """Write such a set.

    Args:
        words: The most frequent first, without line ends.
        vectors: (words, size), with a size of at least 32.
        file: The file.
    """
    from safetensors.numpy import save_file

    packed, scales = pack_table(vectors)
    spelt = np.frombuffer(zlib.compress("\n".join(words).encode(), 9), np.uint8)
    save_file({"vectors": packed, "scales": scales, "words": spelt}, file)
