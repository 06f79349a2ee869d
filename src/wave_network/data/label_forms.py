"""Forms in which labels are written, and their conversion to plain labels or lists of them.

Every source of labelled data goes through here: files, the Hub, and lists or arrays in memory. What
is changed or guessed is logged, one line for each kind.
"""

from __future__ import annotations

import ast
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wave_network.config import Label
from wave_network.data.parquet import missing_value
from wave_network.data.plain_labels import plain_labels, tidy_label
from wave_network.errors import DataError, listed, option_name

if TYPE_CHECKING:
    from pyarrow import Array, ChunkedArray

logger = logging.getLogger(__name__)

_FASTTEXT_PREFIX: Final = "__label__"
_JOINED: Final = re.compile(r"[\s,;|]+__label__")
_LIKE_A_LIST: Final = re.compile(r"\[(['\"].*['\"]|.*[\s,].*|[0-9.]*)\]", re.DOTALL)
_NUMPY_LIST: Final = re.compile(r"\[\s*[0-9]{1,9}\.?(\s+[0-9]{1,9}\.?)+\s*\]", re.ASCII)
_LONGEST_LIST: Final = 100_000  # characters


def plain_forms(columns: Mapping[str, ChunkedArray]) -> dict[str, ChunkedArray]:
    """Convert label columns, of one data set's splits, to plain labels or lists of them.

    - Blanks around a label are dropped, and Unicode's composed form (NFC) is used.
    - Several fastText labels in one (`a,__label__b`) become lists.
    - Strings that are all written as lists (`['a', 'b']` or `["a"]`) become lists.

    Args:
        columns: The columns, by what messages call them (a file, or a split of the Hub): strings,
            64-bit integers or floats, booleans, or lists of these, without nulls.

    Raises:
        DataError: If a label is empty, not a whole number, or not finite; the message has its row.
    """
    for where, column in columns.items():
        _refuse_fractions(column, where)
    strings = {
        where: column for where, column in columns.items() if _values_type(column) == "string"
    }
    changed = _without_joined(_tidied(strings))
    for where, column in changed.items():
        _refuse_empty(column, where)
    changed = _without_list_texts(changed)
    return {where: changed.get(where, column) for where, column in columns.items()}


def from_indicators(
    columns: Mapping[str, ChunkedArray],
) -> tuple[dict[str, ChunkedArray], tuple[int, ...] | None]:
    """Convert lists with a 0 or 1 for each class to lists of the classes, numbered from 0.

    They are such if all rows are lists of one length of at least 2, of nothing but 0 and 1, and if
    some row repeats a number or differs from the others: lists of labels would not.

    Args:
        columns: As for `plain_forms`.

    Returns:
        The columns, and the classes; None if the lists are not of this form.
    """
    length = _length_of_indicators(columns.values())
    if length is None:
        return dict(columns), None
    logger.warning(
        "the labels are lists of 0 and 1, all of length %d: read as one column a class (0 to %d),"
        " 1 where a text has it",
        length,
        length - 1,
    )
    return {where: _classes_of(column) for where, column in columns.items()}, tuple(range(length))


def _values_type(column: ChunkedArray) -> str:
    from pyarrow import types

    kind = column.type
    return str(kind.value_type if types.is_list(kind) else kind)


def _refuse_fractions(column: ChunkedArray, where: str) -> None:
    import numpy as np

    if _values_type(column) != "double":
        return
    values, rows = _flattened(column)
    numbers = values.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers == np.floor(numbers))))
    if not len(wrong):
        return
    value, row = numbers[wrong[0]], int(rows[wrong[0]]) + 1
    if np.isnan(value):
        raise missing_value(where, row, "label")
    raise DataError(
        f"{where}: row {row} has the label {value}: labels must be strings, whole numbers or"
        " booleans"
    )


def _refuse_empty(column: ChunkedArray, where: str) -> None:
    import pyarrow.compute as pc

    values, rows = _flattened(column)
    place = pc.index(values, "").as_py()
    if place >= 0:
        raise missing_value(where, int(rows[place]) + 1, "label")


def _tidied(columns: Mapping[str, ChunkedArray]) -> dict[str, ChunkedArray]:
    """Drop blanks around labels, and compose their characters."""
    changed = {where: _mapped(column, tidy_label) for where, column in columns.items()}
    before, after = _all_values(columns), _all_values(changed)
    wrong = {label: count for label, count in before.items() if label not in after}
    if wrong:
        rows, merged = sum(wrong.values()), len(before) - len(after)
        logger.warning(
            "blanks around labels and their Unicode form do not count: changed %d label%s, such as"
            " %s to %s%s",
            rows,
            "s" if rows > 1 else "",
            listed([min(wrong)]),
            listed([tidy_label(min(wrong))]),
            f", which leaves {len(after)} different ones of {len(before)}" if merged else "",
        )
    return changed


def _without_joined(columns: Mapping[str, ChunkedArray]) -> dict[str, ChunkedArray]:
    """Split labels such as `a,__label__b`, which are several in fastText's notation."""
    joined = [label for label in _all_values(columns) if _JOINED.search(label)]
    if not joined:
        return dict(columns)
    logger.warning("labels such as %s are read as several of one text", listed(joined[:1]))
    return {where: _as_lists(column, _split_joined) for where, column in columns.items()}


def _split_joined(label: str) -> list[Label]:
    return [part for part in _JOINED.split(label.removeprefix(_FASTTEXT_PREFIX)) if part]


def _without_list_texts(columns: Mapping[str, ChunkedArray]) -> dict[str, ChunkedArray]:
    """Read labels that are the text of a list."""
    from pyarrow import types

    labels = _all_values(columns)
    like = [label for label in labels if _LIKE_A_LIST.fullmatch(label)]
    if not like or any(types.is_list(column.type) for column in columns.values()):
        return dict(columns)
    lists = {label: _list_of(label) for label in labels}
    kinds = {type(one) for parsed in lists.values() for one in parsed or ()}
    if None in lists.values() or len(kinds) > 1:
        logger.warning(
            "labels such as %s look like lists, but not all are lists of one kind: each is read as"
            " one label; for several labels a text write all as lists, or give %s",
            listed(like[:1]),
            option_name("label_separator"),
        )
        return dict(columns)
    logger.warning("labels such as %s are read as lists of labels", listed(like[:1]))
    return {
        where: _as_lists(column, lambda label: lists[label] or [])
        for where, column in columns.items()
    }


def _list_of(label: str) -> list[Label] | None:
    """Parse a list of labels, as JSON, Python or NumPy write it; None if it is none."""
    if len(label) > _LONGEST_LIST or not label.startswith("["):
        return None
    if _NUMPY_LIST.fullmatch(label):
        return [int(number) for number in label.strip("[]").replace(".", " ").split()]
    for parse in (json.loads, ast.literal_eval):
        try:
            parsed = parse(label)
            plain = plain_labels(parsed) if isinstance(parsed, list) else None
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if plain is not None and all(not isinstance(one, str) or one.strip() for one in plain):
            return [tidy_label(one) if isinstance(one, str) else one for one in plain]
    return None


def _length_of_indicators(columns: Any) -> int | None:  # noqa: ANN401
    """Return the length of the lists if they are of 0 and 1 for each class."""
    import numpy as np
    import pyarrow.compute as pc
    from pyarrow import types

    length, first, rows_differ = None, None, False
    for column in columns:
        if not types.is_list(column.type) or _values_type(column) == "string":
            return None
        lengths = pc.unique(pc.list_value_length(column)).to_pylist()
        if len(lengths) != 1 or lengths[0] != (length or lengths[0]) or lengths[0] < 2:
            return None
        length = int(lengths[0])
        table = _flattened(column)[0].to_numpy(zero_copy_only=False).reshape(-1, length)
        if not np.isin(table, (0, 1)).all():
            return None
        first = table[0] if first is None else first
        rows_differ |= length > 2 or bool(
            (table != first).any() or (table[:, 0] == table[:, 1]).any()
        )
    return length if rows_differ else None


def _classes_of(column: ChunkedArray) -> ChunkedArray:
    """Convert rows of 0 and 1 to the indices of the ones."""
    import numpy as np
    import pyarrow as pa

    table = _flattened(column)[0].to_numpy(zero_copy_only=False).reshape(len(column), -1)
    rows, classes = np.nonzero(table)
    ends = np.cumsum(np.bincount(rows, minlength=len(column)))
    starts = np.concatenate([[0], ends]).astype(np.int32)
    return pa.chunked_array([pa.ListArray.from_arrays(pa.array(starts), pa.array(classes))])


def _flattened(column: ChunkedArray) -> tuple[Array, Any]:
    """Return the labels of all texts, and the row of each."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = np.arange(len(column))
    if pa.types.is_list(column.type):
        lengths = pc.list_value_length(column).to_numpy()
        column, rows = pc.list_flatten(column), np.repeat(rows, lengths)
    values = column.combine_chunks()
    return values, rows


def _all_values(columns: Mapping[str, ChunkedArray]) -> dict[str, int]:
    """Return the labels of all columns, and how often each occurs."""
    import pyarrow.compute as pc

    counts: dict[str, int] = {}
    for column in columns.values():
        for pair in pc.value_counts(_flattened(column)[0]).to_pylist():
            counts[pair["values"]] = counts.get(pair["values"], 0) + pair["counts"]
    return counts


def _mapped(column: ChunkedArray, change: Callable[[str], str]) -> ChunkedArray:
    """Change each label, in lists, too."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = _flattened(column)[0].dictionary_encode()
    changed = pa.array(map(change, values.dictionary.to_pylist()), pa.string())
    if changed == values.dictionary:
        return column
    taken = changed.take(values.indices)
    if pa.types.is_list(column.type):
        lengths = pc.list_value_length(column).cast(pa.int32())
        taken = pa.ListArray.from_arrays(_starts(lengths), taken)
    return pa.chunked_array([taken])


def _as_lists(column: ChunkedArray, split: Callable[[str], list[Label]]) -> ChunkedArray:
    """Replace each label by the list of those that it stands for; lists grow."""
    import pyarrow as pa

    lists = {label: split(label) for label in _all_values({"": column})}
    rows = column.to_pylist()
    if pa.types.is_list(column.type):
        found = [[one for label in row for one in lists[label]] for row in rows]
    else:
        found = [lists[label] for label in rows]
    kind = next((type(one) for row in found for one in row), str)
    value = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), float: pa.float64()}[kind]
    return pa.chunked_array([pa.array(found, pa.list_(value))])


def _starts(lengths: ChunkedArray) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pc.cumulative_sum(lengths).combine_chunks()
    return pa.concat_arrays([pa.array([0], pa.int32()), ends])
