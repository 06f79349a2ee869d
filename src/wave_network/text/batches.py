"""Packed token ids of texts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

IdArray: TypeAlias = NDArray[np.int32]
OffsetArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]


class TokenBatch(NamedTuple):
    """Packed texts: text `i` is `ids[offsets[i]:offsets[i + 1]]` and begins with `[CLS]`."""

    ids: IdArray
    offsets: OffsetArray


class SentenceBatch(NamedTuple):
    """A `TokenBatch` with sentences: sentence `k` is `ids[sentence_offsets[k]:...[k + 1]]`.

    No sentence is empty or spans two texts; `[CLS]` belongs to its text's first sentence.
    """

    ids: IdArray
    offsets: OffsetArray
    sentence_offsets: OffsetArray


def joined(batches: Sequence[TokenBatch]) -> TokenBatch:
    """Return the texts of all batches."""
    if len(batches) == 1:
        return batches[0]
    starts = accumulate((len(batch.ids) for batch in batches), initial=0)
    offsets = [batch.offsets[1:] + start for batch, start in zip(batches, starts, strict=False)]
    return TokenBatch(
        np.concatenate([np.empty(0, np.int32), *(batch.ids for batch in batches)]),
        np.concatenate([np.zeros(1, np.int64), *offsets]),
    )


def with_rows(batch: TokenBatch, places: NDArray[np.intp], rows: TokenBatch) -> TokenBatch:
    """Put rows in the places of a batch's empty ones."""
    lengths = np.diff(batch.offsets)
    lengths[places] = np.diff(rows.offsets)
    is_new = np.zeros(len(lengths), np.bool_)
    is_new[places] = True
    is_new = np.repeat(is_new, lengths)
    ids = np.empty(len(is_new), np.int32)
    ids[is_new], ids[~is_new] = rows.ids, batch.ids
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return TokenBatch(ids, offsets)
