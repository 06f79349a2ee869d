"""Collect the rows of a file in a table, and check that the file does not change meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from wave_network.data.label_column import LabelWriter
from wave_network.data.rows import Row
from wave_network.data.table import Table
from wave_network.data.texts import TextWriter
from wave_network.errors import DataError
from wave_network.progress.stages import tracked
from wave_network.scale.arrays import ArrayWriter

_ROWS_AT_ONCE: Final = 1_000
_CHARACTERS_AT_ONCE: Final = 2**22


def collect(rows: Iterable[Row], source: Path) -> Table:
    """Collect rows; those without labels or weights give a table without them.

    Args:
        rows: Rows that all have what the first one has.
        source: What they are read from, for messages.

    Raises:
        OutputError: If the texts are large, and the temporary folder cannot take them.
    """
    texts, labels = TextWriter(source), LabelWriter(source)
    weights = ArrayWriter(np.float64, source)
    labelled = weighted = False
    for batch in tracked(_bounded(rows), units_in=len):
        labelled, weighted = batch[0].label is not None, batch[0].weight is not None
        texts.append([row.text for row in batch])
        if labelled:
            given: list[Any] = [row.label for row in batch]
            labels.append(given)
        if weighted:
            weights.append(np.array([row.weight for row in batch], np.float64))
    return Table(
        texts.finish(),
        labels.finish() if labelled else None,
        weights.finish() if weighted else None,
    )


@contextmanager
def unchanging(path: Path) -> Iterator[None]:
    """Check that a file is not written to while it is read.

    Raises:
        DataError: If it was.
    """
    before = _state(path)
    try:
        yield
    except DataError:
        _check_state(path, before)
        raise
    _check_state(path, before)


def _bounded(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.text)
        if len(batch) == _ROWS_AT_ONCE or size > _CHARACTERS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _check_state(path: Path, before: tuple[int, int, int] | None) -> None:
    if _state(path) != before:
        raise DataError(
            f"{path} was changed while it was read: start again when it is complete"
        ) from None


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
