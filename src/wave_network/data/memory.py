"""Texts and labels in memory, as Arrow data sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from wave_network.config import Label
from wave_network.data.arrow import check_installed, features_of, with_labels
from wave_network.data.label_forms import from_indicators, plain_forms
from wave_network.data.parquet import label_type_for
from wave_network.data.plain_labels import is_label_list, plain_label_lists, plain_labels
from wave_network.data.read import without_weightless
from wave_network.data.values import check_one_column, is_unicode
from wave_network.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset, Features
    from numpy.typing import ArrayLike, NDArray
    from pyarrow import ChunkedArray


def from_memory(
    texts: Iterable[str],
    labels: Iterable[Label | Iterable[Label]],
    weights: ArrayLike | None = None,
) -> Dataset:
    """Create a data set from texts and labels in memory; arguments as for `read_memory`."""
    return read_memory(texts, labels, weights)[0]


def read_memory(
    texts: Iterable[str],
    labels: Iterable[Label | Iterable[Label]],
    weights: ArrayLike | None = None,
) -> tuple[Dataset, tuple[Label, ...] | None]:
    """Create a data set from texts and labels in memory.

    Args:
        texts: Strings, in a list, an array, a pandas or polars Series, or any iterable.
        labels: A string, whole number or boolean for each text; for multi-label data a list, tuple
            or set of them for each text, or a list of a 0 or 1 for each class.
        weights: A sample weight for each text, a number from 0; or None. Texts of weight 0 are
            left out.

    Returns:
        The data set; and the classes, if the labels are lists of 0 and 1 for each class, else None.

    Raises:
        DataError: If a text, label or weight is not valid (the message has its index), or there
            are not equally many.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    text_list = _text_list(texts)
    given = _sequence(labels, "labels")
    listed = any(is_label_list(label) for label in given if not isinstance(label, str | int))
    label_list: list[Any] = plain_label_lists(given) if listed else [*plain_labels(given)]
    _refuse_empty(label_list)
    if len(text_list) != len(label_list):
        raise DataError(f"{len(text_list)} texts have {len(label_list)} labels: give each text one")
    if not text_list:
        raise DataError("there are no texts: give at least one")
    some = next(chain.from_iterable(label_list), "") if listed else label_list[0]
    kind = label_type_for(some, listed=listed)
    columns: dict[str, Any] = {"text": text_list, "label": label_list}
    if weights is not None:
        columns["weight"] = _weight_array(weights, len(text_list))
    features = features_of(kind, weighted=weights is not None)
    try:
        rows = _in_memory(columns, features)
    except OverflowError:
        raise DataError("a label has more than 64 bits: give large ones as strings") from None
    before = rows.data.column("label")
    changed, classes = from_indicators(plain_forms({"y": before}))
    if changed["y"] is not before:
        rows = with_labels(rows, changed["y"])
    if listed and classes is None:
        rows = with_labels(rows, _distinct(rows.data.column("label")))
    return (rows if weights is None else without_weightless(rows)), classes


def texts_from_memory(texts: Iterable[str]) -> Dataset:
    """Create a data set from texts in memory, without labels.

    Args:
        texts: As for `from_memory`.

    Raises:
        DataError: If a text is not a string; the message has its index.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    from datasets import Features, Value

    return _in_memory({"text": _text_list(texts)}, Features({"text": Value("string")}))


def _in_memory(columns: Mapping[str, Any], features: Features) -> Dataset:
    # `Dataset.from_dict` is slow: it checks every value in Python.
    import pyarrow as pa
    from datasets import Dataset

    return Dataset(pa.table(columns, schema=features.arrow_schema))


def _distinct(lists: ChunkedArray) -> ChunkedArray:
    """Drop the labels that a list repeats."""
    import pyarrow as pa

    rows = [list(dict.fromkeys(row)) for row in lists.to_pylist()]
    return pa.chunked_array([pa.array(rows, lists.type)])


def _refuse_empty(labels: list[Any]) -> None:
    lists = [label if isinstance(label, list) else [label] for label in labels]
    different = set(chain.from_iterable(lists))
    empty = {label for label in different if isinstance(label, str) and not label.strip()}
    if empty:
        index = next(i for i, given in enumerate(lists) if not empty.isdisjoint(given))
        raise DataError(
            f"label {index} is {labels[index]!r:.60}: give it a label, or leave its text out"
        )


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


def _text_list(texts: Iterable[str]) -> list[str]:
    listed_texts = _sequence(texts, "texts")
    for index, text in enumerate(listed_texts):
        if not isinstance(text, str):
            raise DataError(
                f"text {index} is {text!r:.60} ({type(text).__name__}), not a string: leave it out,"
                " or give an empty string where there is no text"
            )
        if not is_unicode(text):
            raise DataError(f"text {index} has half of a surrogate pair, which is not a character")
    return listed_texts


def _sequence(values: Iterable[object], name: str) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise DataError(f"the {name} are {values!r:.60}: give a list of them")
    check_one_column(values, name)
    return list(values)
