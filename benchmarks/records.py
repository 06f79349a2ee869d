"""CSV files of measurements: one row each, with the fields of some dataclasses as columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Records:
    """A CSV file to which rows are only added.

    Args:
        path: The file; it is created with the first row.
        kinds: Dataclasses whose fields, in this order, are the columns.

    Raises:
        ValueError: If the file has other columns.
    """

    def __init__(self, path: Path, kinds: Sequence[type]) -> None:
        self.path = path
        # Annotations are strings here, such as "int | None".
        self._types = {item.name: str(item.type) for kind in kinds for item in fields(kind)}
        if path.exists() and self._header() != self.columns:
            raise ValueError(f"{path} has other columns: name another --output")

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return list(self._types)

    def append(self, row: Row) -> None:
        """Add a row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def read(self) -> list[Row]:
        """All rows; an empty cell is None."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return [
                {name: self._value(name, text) for name, text in row.items()}
                for row in csv.DictReader(file)
            ]

    def find(self, key: Mapping[str, Any]) -> Row | None:
        """The last row with these values; none where its code had changed since the commit."""
        if key["commit"].startswith("unknown") or key["commit"].endswith("-dirty"):
            return None
        same = (row for row in reversed(self.read()) if key.items() <= row.items())
        return next(same, None)

    def _value(self, name: str, text: str) -> str | int | float | None:
        if text == "":
            return None
        kind = self._types[name].split(" ")[0]
        return int(text) if kind == "int" else float(text) if kind == "float" else text

    def _header(self) -> list[str]:
        with self.path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])


def grouped(rows: Iterable[Row], columns: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by their values in some columns, in the order of their first occurrence."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in columns), []).append(row)
    return groups


def newest(rows: Iterable[Row], columns: Sequence[str]) -> list[Row]:
    """The rows of the commit that was measured last, among those that agree in some columns.

    If a seed was measured twice at that commit, the later row counts.
    """
    kept: list[Row] = []
    for group in grouped(rows, columns).values():
        last = group[-1]["commit"].removesuffix("-dirty")
        same = [row for row in group if row["commit"].removesuffix("-dirty") == last]
        kept += [again[-1] for again in grouped(same, ["seed"]).values()]
    return kept
