"""Rows of texts, with their labels and sample weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network.data.label_column import LabelColumn, join_labels
from wave_network.data.texts import TEXTS_AT_ONCE, Texts, checked_places, join_texts
from wave_network.scale.arrays import joined, take

Column = Texts | LabelColumn | NDArray[np.float64]


class Table:
    """Rows of texts, with their labels and sample weights; it does not change.

    `table["text"]` is a column, `table[0]` a row as a dictionary, and `table[:9]` the first values
    of each column.

    Args:
        texts: The column `text`.
        labels: The column `label`; None: there is none.
        weights: The column `weight`, (texts,); None: there is none.
    """

    __slots__ = ("_columns",)

    def __init__(
        self,
        texts: Texts,
        labels: LabelColumn | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        columns: dict[str, Column | None] = {"text": texts, "label": labels, "weight": weights}
        self._columns = {name: column for name, column in columns.items() if column is not None}
        assert len({*map(len, self._columns.values())}) == 1

    def __len__(self) -> int:
        return len(self["text"])

    @property
    def column_names(self) -> list[str]:
        """The names of the columns: `text`, and possibly `label` and `weight`."""
        return list(self._columns)

    @overload
    def __getitem__(self, key: Literal["text"]) -> Texts: ...
    @overload
    def __getitem__(self, key: Literal["label"]) -> LabelColumn: ...
    @overload
    def __getitem__(self, key: Literal["weight"]) -> NDArray[np.float64]: ...
    @overload
    def __getitem__(self, key: str) -> Any: ...  # noqa: ANN401
    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> dict[str, list[Any]]: ...
    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            return self._columns[key]
        if isinstance(key, slice):
            return {name: list(column[key]) for name, column in self._columns.items()}
        place = range(len(self))[key]
        return {name: _plain(column[place]) for name, column in self._columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self.column_names
        for values in zip(*(column(self, name) for name in names), strict=True):
            yield dict(zip(names, values, strict=True))

    def select(self, places: ArrayLike) -> Table:
        """Select rows by index, in the order of the indices; texts are not copied.

        Raises:
            IndexError: If an index is out of range.
        """
        chosen = checked_places(places, len(self))
        columns = {
            name: take(column, chosen) if isinstance(column, np.ndarray) else column.select(chosen)
            for name, column in self._columns.items()
        }
        return _of(columns)

    def select_columns(self, names: Sequence[str]) -> Table:
        """Keep some of the columns, `text` among them.

        Raises:
            KeyError: If a column is missing.
        """
        return _of({name: self._columns[name] for name in names})

    def with_labels(self, labels: LabelColumn) -> Table:
        """Replace the labels."""
        return _of({**self._columns, "label": labels})


def concatenate(tables: Sequence[Table]) -> Table:
    """Concatenate tables with the same columns, and labels of one type.

    Raises:
        OutputError: If the texts are large, and the temporary folder cannot take them.
    """
    if len(tables) == 1:
        return tables[0]
    names = tables[0].column_names
    assert all(table.column_names == names for table in tables)
    return Table(
        join_texts([table["text"] for table in tables]),
        join_labels([table["label"] for table in tables]) if "label" in names else None,
        joined([table["weight"] for table in tables]) if "weight" in names else None,
    )


def column(rows: Table, name: str) -> Iterator[Any]:
    """Yield the values of a column in order, read chunk by chunk."""
    return chain.from_iterable(column_chunks(rows, name))


def column_chunks(rows: Table, name: str) -> Iterator[list[Any]]:
    """Yield the values of a column in order, a thousand at a time, or fewer if they are long."""
    values = rows[name]
    if not isinstance(values, np.ndarray):
        yield from values.chunks()
        return
    for start in range(0, len(values), TEXTS_AT_ONCE):
        yield values[start : start + TEXTS_AT_ONCE].tolist()


def _of(columns: dict[str, Any]) -> Table:
    return Table(columns["text"], columns.get("label"), columns.get("weight"))


def _plain(value: object) -> object:
    return float(value) if isinstance(value, np.floating) else value
