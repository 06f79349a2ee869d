"""Read text files row by row: `.csv`, `.tsv`, `.jsonl` and fastText's `.txt`.

This module needs only the standard library, so that predicting from a file stays light. Everything
wrong with a file is a `DataError` of one line: what is wrong, where, and what to do.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from wave_network.config import Label
from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION
from wave_network.data.files import check_file, column_index, format_of
from wave_network.errors import DataError, listed, option_name

_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}
# The maximum where a C long has 32 bits.
_LARGEST_FIELD: Final = 2**31 - 1
_FASTTEXT_LINE: Final = re.compile(r"((?:__label__[^ \t]*[ \t]*)*)(.*)", re.DOTALL)
_SEVERAL_LABELS: Final = re.compile(r"__label__[^ \t]*[ \t]+__label__[^ \t]")
_LABEL_INSIDE: Final = re.compile(r"[ \t]__label__[^ \t]")


class Row(NamedTuple):
    """A text, its label and its weight.

    Attributes:
        text: The text.
        label: Its label, or the list of its labels in multi-label data; None if labels are not
            read.
        weight: Its sample weight; None if weights are not read.
    """

    text: str
    label: Label | list[Label] | None
    weight: float | None = None


def iter_rows(
    path: str | Path,
    text_column: str = "text",
    label_column: str | None = "label",
    weight_column: str | None = None,
    label_separator: str | None = None,
) -> Iterator[Row]:
    """Read a file row by row, in constant memory.

    Args:
        path: A `.csv`, `.tsv`, `.jsonl` or fastText `.txt` file in UTF-8.
        text_column: The column, or JSON field, of the texts.
        label_column: The column, or JSON field, of the labels. None reads only texts; a `.txt`
            file then has one text per line, with or without a `__label__` before it.
        weight_column: The column, or JSON field, of the sample weights; None reads none. A `.txt`
            file has none.
        label_separator: The separator between the labels of a text, for multi-label data. JSON
            lists, and a `.txt` file with several labels before a text, need none.

    Returns:
        The rows. Labels are the strings in the file; in `.jsonl` they may be integers. In
        multi-label data they are lists, in all rows.

    Raises:
        DataError: If the file cannot be used; while iterating, if a row cannot.
    """
    path = Path(path)
    check_file(path)
    ending = format_of(path)
    rows: Iterator[Row]
    names = (text_column, label_column, weight_column)
    if ending in _DELIMITERS:
        rows = _delimited_rows(path, _DELIMITERS[ending], *names, label_separator)
    elif ending == ".jsonl":
        rows = _json_rows(path, *names, label_separator)
    elif ending == ".txt":
        if weight_column is not None:
            raise DataError(f"{path} has no columns, so no weights: give a .csv or .jsonl file")
        rows = _plain_rows(path) if label_column is None else _fasttext_rows(path)
    else:
        raise DataError(f"{path} is not a text file")
    return _at_least_one(rows, path)


def iter_texts(path: str | Path, text_column: str = "text") -> Iterator[str]:
    """Read the texts to predict, in constant memory.

    Args:
        path: A file as for `iter_rows`, a `.parquet` file, or `-` for standard input with one
            text per line, where an empty line is an empty text.
        text_column: The column, or JSON field, of the texts.

    Raises:
        DataError: If the file cannot be used; while iterating, if a text cannot.
        MissingExtraError: For `.parquet`, if pyarrow is not installed.
    """
    if str(path) == "-":
        return (_without_ending(line) for line in _decoded(sys.stdin.buffer, "standard input"))
    if Path(path).suffix.lower() == ".parquet":
        from wave_network.data.parquet import iter_parquet_texts

        check_file(Path(path))
        return iter_parquet_texts(Path(path), text_column)
    return (row.text for row in iter_rows(path, text_column, label_column=None))


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


def _at_least_one(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path} has no rows: give a file with at least one text")
    yield first
    yield from rows


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as stream:
            yield from _decoded(stream, path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(stream: Iterable[bytes], where: object) -> Iterator[str]:
    # Decode line by line, so that the message can name the line.
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            utf16 = number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff"))
            encoding = "UTF-16" if utf16 else "WINDOWS-1252"
            raise DataError(
                f"{where}:{number}: not UTF-8 (byte 0x{byte:02x}): convert it, for example with"
                f" iconv -f {encoding} -t UTF-8"
            ) from None
        yield text


def _without_ending(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _delimited_rows(
    path: Path,
    delimiter: str,
    text_column: str,
    label_column: str | None,
    weight_column: str | None,
    label_separator: str | None,
) -> Iterator[Row]:
    records = _records(path, delimiter)
    _, header = next(records, (0, None))
    if header is None:
        raise DataError(f"{path} is empty: the first line must name the columns")
    text_at = column_index(header, text_column, TEXT_OPTION, path)
    label_at = None
    if label_column is not None:
        label_at = column_index(header, label_column, LABEL_OPTION, path)
    weight_at = None
    if weight_column is not None:
        weight_at = column_index(header, weight_column, WEIGHT_OPTION, path)
    for line, fields in records:
        if len(fields) != len(header):
            raise DataError(
                f"{path}:{line}: the header has {len(header)} columns, this row {len(fields)}: put"
                f' "quotes" around a text that contains {delimiter!r} or a line break'
            )
        if label_at is None:
            yield Row(fields[text_at], None)
            continue
        where = f"{path}:{line}"
        label: Label | list[Label] = fields[label_at]
        if label_separator is None:
            label = _stated(fields[label_at], where)
        else:
            label = [*split_labels(fields[label_at], label_separator)]
        weight = None if weight_at is None else _weight(fields[weight_at], where)
        yield Row(fields[text_at], label, weight)


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, with the number of its first line."""
    csv.field_size_limit(_LARGEST_FIELD)
    # Strict: otherwise an unclosed quote would silently swallow the rest of the file.
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{path}:{line}: the row that starts here breaks the format ({error}): put"
                ' "quotes" around the whole text and double those inside it'
            ) from None
        if fields is None:
            return
        if fields:
            yield line, fields
        line = reader.line_num + 1


def _json_rows(
    path: Path,
    text_column: str,
    label_column: str | None,
    weight_column: str | None,
    label_separator: str | None,
) -> Iterator[Row]:
    kinds: dict[str, type] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        fields = _json_object(line, where)
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
        yield Row(text, label, weight)


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else error
        raise DataError(f"{where}: not JSON ({reason}): put one object on each line") from None
    if not isinstance(fields, dict):
        raise DataError(f"{where}: {_json_kind(fields)}: put one JSON object on each line")
    return fields


def _json_field(fields: dict[str, Any], name: str, option: str, where: str) -> object:
    if name not in fields:
        there = listed(list(fields))
        raise DataError(
            f"{where}: no field {name!r}, only {there}: name the right one with "
            f"{option_name(option)}"
        )
    return fields[name]


def _json_label(label: object, where: str) -> Label:
    if isinstance(label, str) and is_unicode(label):
        return _stated(label, where)
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
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and (value != value or value.is_integer()):
        return f"{value}"
    if isinstance(value, str):
        return "a string" if is_unicode(value) else "half of a surrogate pair"
    names = {
        dict: "an object",
        float: "a number with a fraction",
        int: "a number",
        list: "a list",
    }
    return names[type(value)]


def _fasttext_rows(path: Path) -> Iterator[Row]:
    several = any(_SEVERAL_LABELS.match(line) for line in _lines(path))
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        labels, text = _fasttext_parts(line)
        if _LABEL_INSIDE.search(text):
            raise DataError(f"{where}: a label inside the text: put all labels before the text")
        labels = [_stated(label, where) for label in labels]
        if several:
            yield Row(text, [*labels])
        elif labels:
            yield Row(text, labels[0])
        else:
            raise DataError(f"{where}: no label: start the line with __label__NAME and a space")


def _fasttext_parts(line: str) -> tuple[list[str], str]:
    """Split a line into its labels and the text after them."""
    match = _FASTTEXT_LINE.fullmatch(_without_ending(line))
    assert match is not None  # it matches every line
    return re.findall(r"__label__([^ \t]*)", match[1]), match[2]


def _plain_rows(path: Path) -> Iterator[Row]:
    for line in _lines(path):
        yield Row(_fasttext_parts(line)[1], None)


def _stated(label: str, where: str) -> str:
    if not label.strip():
        raise DataError(f"{where}: no label: add a label, or remove the row")
    return label


def _weight(value: object, where: str) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise DataError(f"{where}: the weight is {value!r:.60}, not a number")
