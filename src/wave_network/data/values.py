"""Check texts, labels and columns. Everything that predicts imports it, so it imports little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wave_network.errors import DataError


def is_unicode(text: str) -> bool:
    """Whether a text is valid Unicode, without halves of surrogate pairs."""
    if text.isascii():  # fast
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def split_labels(labels: str, separator: str) -> list[str]:
    """Split labels at a separator; strip spaces, and drop empty labels."""
    return [label for part in labels.split(separator) if (label := part.strip())]


def list_of(values: Iterable[Any]) -> list[Any]:
    """Convert any column to a list."""
    if type(values).__module__.startswith("datasets."):
        values = values[:]  # type: ignore[index]  # else it is read row by row, 100 times slower
    return list(values)


def check_one_column(values: object, name: str) -> None:
    """Refuse a table, because iterating over it yields the names of its columns.

    Args:
        values: The texts or labels.
        name: Which of the two, for the message.

    Raises:
        DataError: If it is a mapping, or a pandas or polars data frame.
    """
    if isinstance(values, Mapping) or hasattr(values, "columns"):
        raise DataError(f"the {name} are a table: give one of its columns, such as data['text']")
    if name == "texts" and len(shape := getattr(values, "shape", ())) > 1:
        raise DataError(
            f"the texts are an array of shape {tuple(shape)}: give one axis, with texts.ravel() if "
            "it has one column, or else one column, such as texts[:, 0]"
        )


def missing_value(where: object, row: int, name: str) -> DataError:
    """Create the error for a missing value; rows count from 1."""
    return DataError(f"{where}: row {row} has no {name}: add one, or remove the row")
