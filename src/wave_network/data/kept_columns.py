"""The other columns of a file, kept beside the predictions of its texts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wave_network.data.files import format_of
from wave_network.data.read_options import ReadOptions

if TYPE_CHECKING:
    from pyarrow import DataType


class KeptColumns:
    """The other columns of the rows whose texts are predicted.

    Args:
        path: The file to predict.
        text_column: Its column of the texts.
        options: Its encoding, and what quotation marks mean.
        types: Gets the types of the columns, by their names in the output, before the first answer
            is given; only those of a `.parquet` file are known.
        note: Receives a sentence for each column that gets another name.
    """

    def __init__(
        self,
        path: str,
        text_column: str,
        options: ReadOptions,
        types: dict[str, DataType],
        note: Callable[[str], None],
    ) -> None:
        self._path = path
        self._text_column = text_column
        self._options = options
        self._types = types
        self._note = note
        self._typed = False  # whether all known types are there
        self._waiting: deque[dict[str, Any]] = deque()  # of the texts that are not yet answered
        self._names: dict[str, str] = {}  # in the output, where they differ

    def texts(self) -> Iterator[str]:
        """Yield the texts, and remember the other columns until the answer comes."""
        from wave_network.data.records import iter_records

        for text, fields in iter_records(self._path, self._text_column, self._options):
            self._waiting.append(fields)
            yield text

    def beside(self, answers: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the answers in the order of the texts, each after its other columns.

        A column with the name of a field of the answer gets another name, and a note says so.
        """
        names: dict[str, str] = {}
        for answer in answers:
            fields = self._waiting.popleft()
            if names.keys() != fields.keys():
                names = {name: self._name_of(name, answer, fields) for name in fields}
            if not self._typed:
                self._add_types(names)
            yield {**{names[name]: value for name, value in fields.items()}, **answer}

    def _name_of(self, name: str, answer: dict[str, Any], fields: dict[str, Any]) -> str:
        """Return a column's name in the output, the same for all rows."""
        if name in self._names:
            return self._names[name]
        if name not in answer and name not in self._names.values():
            return name
        free = f"input_{name}"
        while free in answer or free in fields or free in self._names.values():
            free = f"input_{free}"
        self._names[name] = free
        self._note(
            f"the input's column {name!r} is {free!r} in the output, which has its own {name!r}"
        )
        return free

    def _add_types(self, names: dict[str, str]) -> None:
        self._typed = True
        if format_of(Path(self._path)) != ".parquet":
            return
        from wave_network.data.parquet import column_types

        types = column_types(Path(self._path))
        self._types.update((new, types[name]) for name, new in names.items())
