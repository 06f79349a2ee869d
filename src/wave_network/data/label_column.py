"""A column of labels: each different label once, and its number for each text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network.config import Label
from wave_network.data.texts import checked_places
from wave_network.data.values import split_labels
from wave_network.scale.arrays import ArrayWriter, OffsetWriter, blocks, take

Labels: TypeAlias = "Label | list[Label]"
"""What one text has: a label, or in multi-label data a list of them."""

_ROWS_AT_ONCE: Final = 1_000
_KINDS: Final = {str: "string", int: "int64", bool: "bool", float: "double"}


class Found(NamedTuple):
    """A label, and the index of the first text that has it."""

    label: Label
    row: int


class LabelColumn(Sequence[Labels]):
    """The labels of texts.

    Args:
        values: The different labels, all of one type; some may lead no text.
        codes: The index in `values` of each label of each text, int32, (labels,).
        offsets: Multi-label: where the labels of each text start, and the end of the last, int64,
            (texts + 1,); None: each text has exactly one label.
    """

    __slots__ = ("codes", "offsets", "values")

    def __init__(
        self,
        values: Sequence[Label],
        codes: NDArray[np.int32],
        offsets: NDArray[np.int64] | None = None,
    ) -> None:
        self.values = values
        self.codes = codes
        self.offsets = offsets

    @classmethod
    def of(cls, rows: Iterable[Labels]) -> LabelColumn:
        """Create a column from plain labels of one type, or from lists of them."""
        writer = LabelWriter()
        writer.append(rows if isinstance(rows, list) else list(rows))
        return writer.finish()

    def __len__(self) -> int:
        return len(self.codes) if self.offsets is None else len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> Labels: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Labels | list[Any]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return self._plain(np.fromiter(places, np.int64, len(places)))
        one: Labels = self._plain(np.array([places]))[0]
        return one

    def __iter__(self) -> Iterator[Labels]:
        return chain.from_iterable(self.chunks())

    def chunks(self) -> Iterator[list[Any]]:
        """Yield the labels in order, a thousand texts at a time."""
        for start in range(0, len(self), _ROWS_AT_ONCE):
            yield self[start : start + _ROWS_AT_ONCE]

    @property
    def listed(self) -> bool:
        """Whether each text has a list of labels."""
        return self.offsets is not None

    @property
    def kind(self) -> type[Label]:
        """The type of the labels; of no labels at all, strings."""
        return type(self.values[0]) if len(self.values) else str

    @property
    def kind_name(self) -> str:
        """The name of the type for messages, such as `int64`."""
        return _KINDS[self.kind]

    def used(self) -> Counter[Label]:
        """Return the labels that texts have, and how often each occurs."""
        counts = np.zeros(len(self.values), np.int64)
        for block in blocks(len(self.codes)):
            counts += np.bincount(self.codes[block], minlength=len(counts))
        pairs = zip(self.values, counts.tolist(), strict=True)
        return Counter({label: count for label, count in pairs if count})

    def rows(self) -> NDArray[np.int64]:
        """Return the index of the text of each label, (labels,)."""
        rows = np.arange(len(self), dtype=np.int64)
        return rows if self.offsets is None else np.repeat(rows, np.diff(self.offsets))

    def first(self, wanted: Callable[[Label], bool]) -> Found | None:
        """Find the first label of a kind; None if there is none."""
        flags = np.fromiter(map(wanted, self.values), np.bool_, len(self.values))
        place = int(flags[self.codes].argmax()) if len(self.codes) else 0
        if not (len(self.codes) and flags[self.codes[place]]):
            return None
        return Found(self.values[self.codes[place]], int(self.rows()[place]))

    def select(self, places: ArrayLike) -> LabelColumn:
        """Select texts by index, in the order of the indices.

        Raises:
            IndexError: If an index is out of range.
        """
        chosen = checked_places(places, len(self))
        if self.offsets is None:
            return LabelColumn(self.values, take(self.codes, chosen))
        codes, offsets = _gathered(self.codes, self.offsets, chosen)
        return LabelColumn(self.values, codes, offsets)

    def mapped(self, change: Callable[[Label], Label]) -> LabelColumn:
        """Change each different label; those that become equal are one."""
        changed = list(map(change, self.values))
        if changed == list(self.values) and {*map(type, changed)} == {*map(type, self.values)}:
            return self
        index: dict[Label, int] = {}
        codes = np.array([index.setdefault(label, len(index)) for label in changed], np.int32)
        if len(index) < len(codes):  # some became equal
            return LabelColumn(list(index), take(codes, self.codes), self.offsets)
        return LabelColumn(changed, self.codes, self.offsets)

    def as_lists(self) -> LabelColumn:
        """Return the labels as lists of one, unless they are lists."""
        if self.listed:
            return self
        return LabelColumn(self.values, self.codes, np.arange(len(self) + 1, dtype=np.int64))

    def split(self, parts_of: Callable[[Label], list[Label]]) -> LabelColumn:
        """Replace each label by the list of those that it stands for; lists grow."""
        parts = LabelColumn.of([parts_of(label) for label in self.values]).as_lists()
        assert parts.offsets is not None
        codes, ends = _gathered(parts.codes, parts.offsets, self.codes)
        offsets = ends if self.offsets is None else ends[self.offsets]
        return LabelColumn(parts.values, codes, offsets)

    def separated(self, separator: str | None) -> LabelColumn:
        """Split labels that are strings; others become lists of one, lists do not change."""
        if separator is None or self.listed:
            return self
        if self.kind is not str:
            return self.as_lists()
        return self.split(lambda label: [*split_labels(str(label), separator)])

    def without_repeats(self) -> LabelColumn:
        """Drop the labels that a list repeats."""
        if self.offsets is None:
            return self
        rows = self.rows()
        kept = np.sort(np.unique(rows * len(self.values) + self.codes, return_index=True)[1])
        if len(kept) == len(self.codes):
            return self
        offsets = np.searchsorted(rows[kept], np.arange(len(self) + 1)).astype(np.int64)
        return LabelColumn(self.values, self.codes[kept], offsets)

    def _plain(self, places: NDArray[np.int64]) -> list[Any]:
        values = self.values
        if self.offsets is None:
            return [values[code] for code in self.codes[places].tolist()]
        codes, offsets = _gathered(self.codes, self.offsets, places)
        labels = [values[code] for code in codes.tolist()]
        ends = offsets.tolist()
        return [labels[start:end] for start, end in pairwise(ends)]


class LabelWriter:
    """Collects the labels of texts, all of one type, or lists of them.

    Args:
        source: What the labels are from, for messages.
    """

    def __init__(self, source: object = "the data") -> None:
        self._index: dict[Label, int] = {}
        self._codes = ArrayWriter(np.int32, source)
        self._offsets: OffsetWriter | None = None
        self._source = source

    def append(self, labels: Sequence[Labels]) -> None:
        """Append the labels of some texts."""
        flat: Sequence[Any] = labels
        if labels and isinstance(labels[0], list):
            self._count(np.array([*map(len, labels)]))  # type: ignore[arg-type]
            flat = list(chain.from_iterable(labels))  # type: ignore[arg-type]
        index = self._index
        for label in dict.fromkeys(flat):
            index.setdefault(label, len(index))
        self._codes.append(np.fromiter(map(index.__getitem__, flat), np.int32, len(flat)))

    def append_column(self, column: LabelColumn) -> None:
        """Append the labels of a column of the same form."""
        if column.offsets is not None:
            for block in blocks(len(column)):
                self._count(np.diff(column.offsets[block.start : block.stop + 1]))
        index = self._index
        codes = np.array([index.setdefault(label, len(index)) for label in column.values], np.int32)
        for block in blocks(len(column.codes)):
            self._codes.append(codes[column.codes[block]])

    def finish(self) -> LabelColumn:
        """Return the labels of all texts.

        Raises:
            OutputError: If they are large, and the temporary folder cannot take them.
        """
        offsets = None if self._offsets is None else self._offsets.finish()
        return LabelColumn(list(self._index), self._codes.finish(), offsets)

    def _count(self, lengths: NDArray[np.integer]) -> None:
        if self._offsets is None:
            self._offsets = OffsetWriter(self._source)
        self._offsets.append(lengths)


def join_labels(parts: Sequence[LabelColumn]) -> LabelColumn:
    """Concatenate columns of one type and form."""
    if len(parts) == 1:
        return parts[0]
    writer = LabelWriter()
    for part in parts:
        writer.append_column(part)
    return writer.finish()


def _gathered(
    codes: NDArray[np.int32], offsets: NDArray[np.int64], lists: NDArray[np.integer]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the codes of some lists laid end to end, and their offsets."""
    starts = offsets[lists]
    lengths = offsets[lists + 1] - starts
    ends = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return codes[np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)], ends
