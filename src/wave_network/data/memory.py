"""Texts and labels in memory, as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wave_network.config import Label
from wave_network.data.label_column import LabelColumn
from wave_network.data.label_forms import from_indicators, plain_forms
from wave_network.data.plain_labels import is_label_list, plain_label_lists, plain_labels
from wave_network.data.table import Table
from wave_network.data.texts import Texts
from wave_network.data.values import check_one_column, is_unicode, list_of
from wave_network.data.weights import without_weightless
from wave_network.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SCALARS: Final = (str, int, float)


def from_memory(
    texts: Iterable[str],
    labels: Iterable[Label | Iterable[Label]],
    weights: ArrayLike | None = None,
) -> Table:
    """Create a table from texts and labels in memory; arguments as for `read_memory`."""
    return read_memory(texts, labels, weights)[0]


def read_memory(
    texts: Iterable[str],
    labels: Iterable[Label | Iterable[Label]],
    weights: ArrayLike | None = None,
) -> tuple[Table, tuple[Label, ...] | None]:
    """Create a table from texts and labels in memory.

    Args:
        texts: Strings, in a list, an array, a pandas or polars Series, or any iterable.
        labels: A string, whole number or boolean for each text; for multi-label data a list, tuple
            or set of them for each text, or a list of a 0 or 1 for each class.
        weights: A sample weight for each text, a number from 0; or None. Texts of weight 0 are
            left out.

    Returns:
        The table; and the classes, if the labels are lists of 0 and 1 for each class, else None.

    Raises:
        DataError: If a text, label or weight is not valid (the message has its index), or there
            are not equally many.
        OutputError: If the texts are large, and the temporary folder cannot take them.
    """
    packed = _packed(texts)
    column = _label_column(labels)
    if len(packed) != len(column):
        raise DataError(f"{len(packed)} texts have {len(column)} labels: give each text one")
    if not len(packed):
        raise DataError("there are no texts: give at least one")
    column = plain_forms({"y": column})["y"]
    changed, classes = from_indicators({"y": column})
    rows = Table(packed, changed["y"] if classes else column.without_repeats())
    if weights is None:
        return rows, classes
    given = _weight_array(weights, len(packed))
    return without_weightless(Table(packed, rows["label"], given)), classes


def texts_from_memory(texts: Iterable[str]) -> Table:
    """Create a table from texts in memory, without labels.

    Args:
        texts: As for `from_memory`.

    Raises:
        DataError: If a text is not a string; the message has its index.
        OutputError: If the texts are large, and the temporary folder cannot take them.
    """
    return Table(_packed(texts))


def _label_column(labels: Iterable[Any]) -> LabelColumn:
    given = _sequence(labels, "labels")
    kinds = {*map(type, given)}
    if any(not issubclass(kind, _SCALARS) for kind in kinds) and any(map(is_label_list, given)):
        column = LabelColumn.of(plain_label_lists(given)).as_lists()
    else:
        column = LabelColumn.of(plain_labels(given))
    if empty := column.first(lambda label: isinstance(label, str) and not label.strip()):
        raise DataError(
            f"label {empty.row} is {column[empty.row]!r:.60}: give it a label, or leave its text"
            " out"
        )
    if column.first(lambda label: type(label) is int and not -(2**63) <= label < 2**63):
        raise DataError("a label has more than 64 bits: give large ones as strings")
    return column


def _weight_array(weights: ArrayLike, texts: int) -> NDArray[np.float64]:
    try:
        array = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("the weights are not all numbers: give one number for each text") from None
    if array.shape != (texts,):
        raise DataError(
            f"{texts} texts have weights of shape {array.shape}: give one number for each text"
        )
    return array


def _packed(texts: Iterable[str]) -> Texts:
    if isinstance(texts, Texts):
        return texts
    given = _sequence(texts, "texts")
    unusual = [i for i, text in enumerate(given) if type(text) is not str or not text.isascii()]
    for index in unusual:  # a tenth of the time that checking each of them takes
        text = given[index]
        if not isinstance(text, str):
            raise DataError(
                f"text {index} is {text!r:.60} ({type(text).__name__}), not a string: leave it out,"
                " or give an empty string where there is no text"
            )
        if not is_unicode(text):
            raise DataError(f"text {index} has half of a surrogate pair, which is not a character")
    return Texts.of(given)


def _sequence(values: Iterable[object], name: str) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise DataError(f"the {name} are {values!r:.60}: give a list of them")
    check_one_column(values, name)
    return list_of(values)
