"""Read files row by row: `.csv`, `.tsv`, `.xlsx`, `.jsonl`, `.json` and fastText's `.txt`.

Except for `.xlsx` and `.zst`, this needs only the standard library, so that predicting from a file
stays light. Everything wrong with a file is a `DataError` of one line: what is wrong, where, and
what to do.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wave_network.config import Label
from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION
from wave_network.data.files import check_distinct, check_file, column_index, format_of
from wave_network.data.json_values import iter_json_array, iter_json_lines, json_kind
from wave_network.data.read_options import ReadOptions
from wave_network.data.streams import iter_lines, stream_lines
from wave_network.data.values import is_unicode, split_labels
from wave_network.errors import DataError, NoRowsError, listed, option_name
from wave_network.progress.stages import follow

if TYPE_CHECKING:
    from wave_network.data.delimited import Sheet

_TABLES: Final = (".csv", ".tsv", ".xlsx")
_LABEL_START: Final = "__label__"
_LABEL: Final = re.compile(r"__label__([^ \t]*)")
_LABELS: Final = re.compile(r"(?:__label__[^ \t]*[ \t]*)*")
_SEVERAL_LABELS: Final = re.compile(r"__label__[^ \t]*[ \t]+__label__[^ \t]")
_LABEL_INSIDE: Final = re.compile(r"[ \t]__label__[^ \t]")


class Row(NamedTuple):
    """A text, its label and its weight.

    Attributes:
        text: The text.
        label: Its label, or the list of its labels in multi-label data; None if labels are not
            read.
        weight: Its sample weight; None if weights are not read.
        others: The other columns, or JSON fields, by their names; None if they are not read.
    """

    text: str
    label: Label | list[Label] | None
    weight: float | None = None
    others: dict[str, Any] | None = None


def iter_rows(
    path: str | Path,
    text_column: str = "text",
    label_column: str | None = "label",
    weight_column: str | None = None,
    label_separator: str | None = None,
    options: ReadOptions = ReadOptions(),  # noqa: B008  # it is immutable
    *,
    with_others: bool = False,
) -> Iterator[Row]:
    """Read a file row by row, in constant memory.

    Args:
        path: A `.csv`, `.tsv`, `.xlsx`, `.jsonl`, `.json` or fastText `.txt` file, also with
            `.gz`, `.zst` or `.zip` after that. If no labels are read, it may be a named pipe.
        text_column: The column, or JSON field, of the texts.
        label_column: The column, or JSON field, of the labels. None reads only texts; a `.txt`
            file then has one text per line, with or without a `__label__` before it.
        weight_column: The column, or JSON field, of the sample weights; None reads none. A `.txt`
            file has none.
        label_separator: The separator between the labels of a text, for multi-label data. JSON
            lists, and a `.txt` file with several labels before a text, need none.
        options: The file's encoding, and what quotation marks mean.
        with_others: Whether to read the other columns as well; only without labels.

    Returns:
        The rows. Labels are the strings in the file; in JSON they may be integers. In
        multi-label data they are lists, in all rows.

    Raises:
        DataError: If the file cannot be used; while iterating, if a row cannot.
        MissingExtraError: If a format needs a library that is not installed.
    """
    path = Path(path)
    check_file(path, pipe=label_column is None)
    ending, encoding = format_of(path), options.encoding
    rows: Iterator[Row]
    names = (text_column, label_column, weight_column)
    if ending in _TABLES:
        sheet = _open_sheet(path, ending, names, options)
        rows = _sheet_rows(path, sheet, *names, label_separator, with_others)
    elif ending in (".jsonl", ".json"):
        objects = (iter_json_lines if ending == ".jsonl" else iter_json_array)(path, encoding)
        rows = _json_rows(objects, *names, label_separator, with_others)
    elif ending == ".txt":
        if weight_column is not None:
            raise DataError(f"{path} has no columns, so no weights: give a .csv or .jsonl file")
        if with_others:
            raise DataError(f"{path} has no columns to keep: give a .csv, .tsv or .jsonl file")
        rows = (_plain_rows if label_column is None else _fasttext_rows)(path, encoding)
    else:
        raise DataError(f"{path} is not a text file")
    return _at_least_one(rows, path)


def iter_texts(
    path: str | Path,
    text_column: str = "text",
    encoding: str = "utf-8",
    quoting: str = "auto",
) -> Iterator[str]:
    """Read the texts to predict, in constant memory.

    Args:
        path: A file as for `iter_rows`, a `.parquet` file, or `-` for standard input with one
            text per line, where an empty line is an empty text.
        text_column: The column, or JSON field, of the texts.
        encoding: The encoding of a text file without a byte order mark.
        quoting: Whether the fields of a `.csv` or `.tsv` file are quoted: `auto`, `none` or `csv`.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the file cannot be used; while iterating, if a text cannot.
        MissingExtraError: If a format needs a library that is not installed.
    """
    options = ReadOptions(encoding, quoting)
    if str(path) == "-":
        if sys.stdin is None:
            raise DataError("standard input is closed: give a file, or a pipe")
        follow(sys.stdin.buffer)
        lines = stream_lines(sys.stdin.buffer, "standard input", encoding)
        return (_without_ending(line) for line in lines)
    check_file(Path(path), pipe=True)
    if format_of(Path(path)) == ".parquet":
        from wave_network.data.parquet import iter_parquet_texts

        return iter_parquet_texts(Path(path), text_column)
    rows = iter_rows(path, text_column, label_column=None, options=options)
    return (row.text for row in rows)


def _others(fields: Iterable[tuple[str, Any]], text_column: str) -> dict[str, Any]:
    return {name: value for name, value in fields if name != text_column}


def _at_least_one(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    first = next(rows, None)
    if first is None:
        raise NoRowsError(path)
    yield first
    yield from rows


def _without_ending(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _open_sheet(
    path: Path, ending: str, names: tuple[str | None, ...], options: ReadOptions
) -> Sheet:
    # Imported here, so that predicting starts faster.
    if ending == ".xlsx":
        from wave_network.data.excel import open_workbook

        return open_workbook(path)
    from wave_network.data.delimited import open_delimited

    return open_delimited(path, ending, [name for name in names if name is not None], options)


def _sheet_rows(
    path: Path,
    sheet: Sheet,
    text_column: str,
    label_column: str | None,
    weight_column: str | None,
    label_separator: str | None,
    with_others: bool,
) -> Iterator[Row]:
    header = sheet.header
    text_at = column_index(header, text_column, TEXT_OPTION, path)
    label_at = None
    if label_column is not None:
        label_at = column_index(header, label_column, LABEL_OPTION, path)
    weight_at = None
    if weight_column is not None:
        weight_at = column_index(header, weight_column, WEIGHT_OPTION, path)
    if with_others:
        check_distinct(header, path)
    for line, fields in sheet.rows:
        if label_at is None:
            others = _others(zip(header, fields, strict=True), text_column) if with_others else None
            yield Row(fields[text_at], None, others=others)
            continue
        label: Label | list[Label] = fields[label_at]
        if label_separator is not None:
            label = [*split_labels(fields[label_at], label_separator)]
        elif not fields[label_at].strip():
            raise _no_label(f"{path}:{line}")
        weight = None if weight_at is None else _weight(fields[weight_at], f"{path}:{line}")
        yield Row(fields[text_at], label, weight)


def _json_rows(
    objects: Iterator[tuple[str, dict[str, Any]]],
    text_column: str,
    label_column: str | None,
    weight_column: str | None,
    label_separator: str | None,
    with_others: bool,
) -> Iterator[Row]:
    kinds: dict[str, type] = {}
    for where, fields in objects:
        text = _json_field(fields, text_column, TEXT_OPTION, where)
        if not isinstance(text, str) or not is_unicode(text):
            raise DataError(f"{where}: {text_column!r} is {_json_kind(text)}, not a string")
        label = None
        if label_column is not None:
            value = _json_field(fields, label_column, LABEL_OPTION, where)
            label = _json_labels(value, label_separator, where)
        _check_kind(label, kinds, where)
        weight = None
        if weight_column is not None:
            weight = _weight(_json_field(fields, weight_column, WEIGHT_OPTION, where), where)
        others = _others(fields.items(), text_column) if with_others else None
        yield Row(text, label, weight, others)


def _json_field(fields: dict[str, Any], name: str, option: str, where: str) -> object:
    if name not in fields:
        there = listed(list(fields))
        raise DataError(
            f"{where}: no field {name!r}, only {there}: name the right one with "
            f"{option_name(option)}"
        )
    return fields[name]


def _json_label(label: object, where: str) -> Label:
    if label is None or (isinstance(label, str) and not label.strip()):
        raise _no_label(where)
    if isinstance(label, str) and is_unicode(label):
        return label
    if isinstance(label, int) and -(2**63) <= label < 2**63:
        return label
    if isinstance(label, float) and label.is_integer():
        return label
    raise DataError(
        f"{where}: the label is {_json_kind(label)}, not a string, a whole number or a boolean"
    )


def _json_labels(value: object, separator: str | None, where: str) -> Label | list[Label]:
    """Check a label, or the list of a text's labels."""
    if separator is not None and isinstance(value, str) and is_unicode(value):
        return [*split_labels(value, separator)]
    if isinstance(value, list):
        return [_json_label(one, where) for one in value]
    label = _json_label(value, where)
    return label if separator is None else [label]


def _check_kind(label: object, kinds: dict[str, type], where: str) -> None:
    """Refuse a label of another type than those before it, which `kinds` remembers."""
    for one in label if isinstance(label, list) else ():
        if type(one) is not kinds.setdefault("listed", type(one)):
            raise _unlike(one, where)
    if type(label) is not kinds.setdefault("label", type(label)):
        raise _unlike(label, where)


def _unlike(label: object, where: str) -> DataError:
    return DataError(
        f"{where}: the label is {_json_kind(label)}, unlike those before: make all labels strings,"
        " all integers, or all lists"
    )


def _json_kind(value: object) -> str:
    if isinstance(value, str) and not is_unicode(value):
        return "half of a surrogate pair"
    return json_kind(value)


def _fasttext_rows(path: Path, encoding: str) -> Iterator[Row]:
    several = any(map(_SEVERAL_LABELS.match, iter_lines(path, encoding)))
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if not line.strip():
            continue
        labels, text = _fasttext_parts(line)
        if _LABEL_START in text and _LABEL_INSIDE.search(text):
            raise DataError(
                f"{path}:{number}: a label inside the text: put all labels before the text"
            )
        if not all(map(str.strip, labels)):
            raise _no_label(f"{path}:{number}")
        if several:
            yield Row(text, [*labels])
        elif labels:
            yield Row(text, labels[0])
        else:
            raise DataError(
                f"{path}:{number}: no label: start the line with __label__NAME and a space"
            )


def _fasttext_parts(line: str) -> tuple[list[str], str]:
    """Split a line into its labels and the text after them."""
    line = _without_ending(line)
    if not line.startswith(_LABEL_START):
        return [], line
    match = _LABELS.match(line)
    assert match is not None  # it matches every line
    return _LABEL.findall(match[0]), line[match.end() :]


def _plain_rows(path: Path, encoding: str) -> Iterator[Row]:
    for line in iter_lines(path, encoding):
        yield Row(_fasttext_parts(line)[1], None)


def _no_label(where: str) -> DataError:
    return DataError(f"{where}: no label: add a label, or remove the row")


def _weight(value: object, where: str) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise DataError(f"{where}: the weight is {value!r:.60}, not a number")
