"""Copy what is read into Arrow files in a temporary folder, and map them into memory.

The folder is deleted when the process ends (that of a killed process, when the next one starts). So
nothing is left in the user's own cache, an edited file is always read again, and parallel runs
share nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wave_network.data.rows import Row
from wave_network.errors import DataError, OutputError
from wave_network.persistence.leftovers import DATA_PREFIX, folder_of_this_process

if TYPE_CHECKING:
    from datasets import Dataset
    from pyarrow import RecordBatch, Schema

_ROWS_AT_ONCE: Final = 1_000
_CHARACTERS_AT_ONCE: Final = 2**22


def working_copy(path: Path, schema: Schema, batches: Iterable[RecordBatch]) -> Dataset:
    """Write batches to a temporary file, and return them as a data set on disk.

    Args:
        path: What they are read from, for messages.
        schema: The type of the batches.
        batches: Any number of them.

    Raises:
        OutputError: If the temporary folder cannot take the copy.
    """
    import pyarrow as pa
    from datasets import Dataset

    try:
        number, name = tempfile.mkstemp(suffix=".arrow", dir=_temporary_root())
        with (
            _removed_on_failure(name),
            os.fdopen(number, "wb") as file,
            pa.ipc.new_stream(file, schema) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{path} cannot be copied to the temporary folder ({error.strerror or error}): free"
            " some space there, or set TMPDIR to another folder"
        ) from None
    return Dataset.from_file(name)


def batches_of(rows: Iterable[Row], schema: Schema) -> Iterator[RecordBatch]:
    """Collect rows to batches of bounded size.

    Args:
        rows: Rows with the values that the schema has names for.
        schema: Names and types of the columns.
    """
    import pyarrow as pa

    for batch in _bounded(rows):
        columns: dict[str, list[Any]] = {
            name: [getattr(row, name) for row in batch] for name in schema.names
        }
        yield pa.record_batch(columns, schema=schema)


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


@contextmanager
def _removed_on_failure(name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.unlink(name)
        raise


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


@lru_cache(maxsize=1)
def _temporary_root() -> str:
    return str(folder_of_this_process(Path(tempfile.gettempdir()), DATA_PREFIX))
