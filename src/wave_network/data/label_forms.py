"""Forms in which labels are written, and their conversion to plain labels or lists of them.

Every source of labelled data goes through here: files, the Hub, and lists or arrays in memory. What
is changed or guessed is logged, one line for each kind.
"""

from __future__ import annotations

import ast
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np

from wave_network.config import Label
from wave_network.data.label_column import LabelColumn
from wave_network.data.plain_labels import plain_labels, tidy_label
from wave_network.data.values import missing_value
from wave_network.errors import DataError, listed, option_name

logger = logging.getLogger(__name__)

_FASTTEXT_PREFIX: Final = "__label__"
_JOINED: Final = re.compile(r"[\s,;|]+__label__")
_LIKE_A_LIST: Final = re.compile(r"\[(['\"].*['\"]|.*[\s,].*|[0-9.]*)\]", re.DOTALL)
_NUMPY_LIST: Final = re.compile(r"\[\s*[0-9]{1,9}\.?(\s+[0-9]{1,9}\.?)+\s*\]", re.ASCII)
_LONGEST_LIST: Final = 100_000  # characters


def plain_forms(columns: Mapping[str, LabelColumn]) -> dict[str, LabelColumn]:
    """Convert label columns, of one data set's splits, to plain labels or lists of them.

    - Blanks around a label are dropped, and Unicode's composed form (NFC) is used.
    - Several fastText labels in one (`a,__label__b`) become lists.
    - Strings that are all written as lists (`['a', 'b']` or `["a"]`) become lists.

    Args:
        columns: The columns, by what messages call them (a file, or a split of the Hub).

    Raises:
        DataError: If a label is empty, not a whole number, or not finite; the message has its row.
    """
    for where, column in columns.items():
        _refuse_fractions(column, where)
    strings = {where: column for where, column in columns.items() if column.kind is str}
    changed = _without_joined(_tidied(strings))
    for where, column in changed.items():
        if empty := column.first(lambda label: label == ""):
            raise missing_value(where, empty.row + 1, "label")
    changed = _without_list_texts(changed)
    return {where: changed.get(where, column) for where, column in columns.items()}


def from_indicators(
    columns: Mapping[str, LabelColumn],
) -> tuple[dict[str, LabelColumn], tuple[int, ...] | None]:
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
    classes = range(length)
    changed = {}
    for where, column in columns.items():
        rows, codes = np.nonzero(np.array(column.values)[column.codes].reshape(-1, length))
        offsets = np.searchsorted(rows, np.arange(len(column) + 1)).astype(np.int64)
        changed[where] = LabelColumn(classes, codes.astype(np.int32), offsets)
    return changed, tuple(classes)


def _refuse_fractions(column: LabelColumn, where: str) -> None:
    wrong = column.first(lambda label: isinstance(label, float) and not label.is_integer())
    if wrong is None:
        return
    if math.isnan(float(wrong.label)):
        raise missing_value(where, wrong.row + 1, "label")
    raise DataError(
        f"{where}: row {wrong.row + 1} has the label {wrong.label}: labels must be strings, whole"
        " numbers or booleans"
    )


def _tidied(columns: Mapping[str, LabelColumn]) -> dict[str, LabelColumn]:
    """Drop blanks around labels, and compose their characters."""
    changed = {where: column.mapped(_tidy) for where, column in columns.items()}
    before, after = _all_values(columns), _all_values(changed)
    wrong = {str(label): count for label, count in before.items() if label not in after}
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


def _tidy(label: Label) -> Label:
    return tidy_label(label) if isinstance(label, str) else label


def _without_joined(columns: Mapping[str, LabelColumn]) -> dict[str, LabelColumn]:
    """Split labels such as `a,__label__b`, which are several in fastText's notation."""
    joined = [label for label in _all_values(columns) if _JOINED.search(str(label))]
    if not joined:
        return dict(columns)
    logger.warning("labels such as %s are read as several of one text", listed(joined[:1]))
    return {where: column.split(_split_joined) for where, column in columns.items()}


def _split_joined(label: Label) -> list[Label]:
    return [part for part in _JOINED.split(str(label).removeprefix(_FASTTEXT_PREFIX)) if part]


def _without_list_texts(columns: Mapping[str, LabelColumn]) -> dict[str, LabelColumn]:
    """Read labels that are the text of a list."""
    labels = [str(label) for label in _all_values(columns)]
    like = [label for label in labels if _LIKE_A_LIST.fullmatch(label)]
    if not like or any(column.listed for column in columns.values()):
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
    parts_of: Callable[[Label], list[Label]] = lambda label: lists[str(label)] or []  # noqa: E731
    return {where: column.split(parts_of) for where, column in columns.items()}


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


def _length_of_indicators(columns: Iterable[LabelColumn]) -> int | None:
    """Return the length of the lists if they are of 0 and 1 for each class."""
    length, first, rows_differ = None, None, False
    for column in columns:
        if column.offsets is None or column.kind is str:
            return None
        lengths = np.unique(np.diff(column.offsets)).tolist()
        if len(lengths) != 1 or lengths[0] != (length or lengths[0]) or lengths[0] < 2:
            return None
        if any(label not in (0, 1) for label in column.values):
            return None
        length = int(lengths[0])
        table = np.array(column.values)[column.codes].reshape(-1, length)
        first = table[0] if first is None else first
        rows_differ |= length > 2 or bool(
            (table != first).any() or (table[:, 0] == table[:, 1]).any()
        )
    return length if rows_differ else None


def _all_values(columns: Mapping[str, LabelColumn]) -> Counter[Label]:
    """Return the labels of all columns, and how often each occurs."""
    counts: Counter[Label] = Counter()
    for column in columns.values():
        counts.update(column.used())
    return counts
