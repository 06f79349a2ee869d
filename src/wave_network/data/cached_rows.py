"""Rows of a file through a cache on disk, where those of an unchanged file are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from wave_network.data.collect import unchanging
from wave_network.data.label_column import LabelColumn
from wave_network.data.table import Table
from wave_network.data.texts import Texts
from wave_network.errors import DataError
from wave_network.scale.cache import Cache, Entry, digest_of_file, key_of


def rows_through(cache: Cache, path: Path, how: str, load: Callable[[], Table]) -> Table:
    """Return the rows of a file, from the cache if they are there.

    Args:
        cache: The cache; rows that it lacks are added.
        path: The file.
        how: All that decides what is read of its content.
        load: Reads it.

    Raises:
        DataError: If it cannot be read, or changes meanwhile; others as `load`.
        OutputError: If the cache cannot be written.
    """
    what = f"rows of {path.name}"
    with unchanging(path):  # else the rows would not be those of the digest
        try:
            key = key_of("texts", digest_of_file(path), how)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        if (entry := cache.read("texts", key, what)) is not None:
            return _table(entry)
        rows = load()
    return _table(cache.write("texts", key, what, *_parts(rows)))


def _parts(rows: Table) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays of rows, and the different labels."""
    texts = rows["text"]
    assert texts.places is None  # as files are read
    arrays: dict[str, NDArray[Any] | None] = {"data": texts.data, "offsets": texts.offsets}
    facts: dict[str, Any] = {}
    if "label" in rows.column_names:
        labels = rows["label"]
        arrays |= {"codes": labels.codes, "lists": labels.offsets}
        facts["labels"] = list(labels.values)
    if "weight" in rows.column_names:
        arrays["weights"] = rows["weight"]
    return {name: array for name, array in arrays.items() if array is not None}, facts


def _table(entry: Entry) -> Table:
    arrays, labels = entry.arrays, None
    if "labels" in entry.facts:
        labels = LabelColumn(entry.facts["labels"], arrays["codes"], arrays.get("lists"))
    return Table(Texts(arrays["data"], arrays["offsets"]), labels, arrays.get("weights"))
