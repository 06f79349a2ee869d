"""Convert Arrow columns to our own; needs pyarrow, which whoever has such a column has loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wave_network.data.label_column import LabelColumn
from wave_network.data.texts import TextWriter

if TYPE_CHECKING:
    from pyarrow import Array


def append_texts(writer: TextWriter, texts: Array) -> None:
    """Append an array of strings, without nulls and of valid UTF-8, to packed texts."""
    from pyarrow import types

    if not len(texts):
        return
    _, starts, data = texts.buffers()
    width = np.int64 if types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(starts, width)[texts.offset : texts.offset + len(texts) + 1]
    packed = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
    writer.append_packed(packed, np.diff(offsets))


def label_column(labels: Array) -> LabelColumn:
    """Convert an array of labels, or of lists of labels, without nulls."""
    import pyarrow.compute as pc
    from pyarrow import types

    offsets = None
    if types.is_list(labels.type):
        lengths = pc.list_value_length(labels).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        labels = labels.flatten()
    encoded = labels.dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int32)
    return LabelColumn(encoded.dictionary.to_pylist(), codes, offsets)
