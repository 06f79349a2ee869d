"""The rows of text files, one at a time: `.csv`, `.tsv`, `.jsonl` and fastText's `.txt`.

This needs the standard library alone, so that predicting from a file stays light. Whatever is
wrong with a file is a `DataError` of one line: what, where, and what to do.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from wave_network.data.files import check_file, column_index, listed
from wave_network.errors import DataError

TEXT_OPTION: Final = "--text-column"
LABEL_OPTION: Final = "--label-column"
WEIGHT_OPTION: Final = "--weight-column"

_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}
# As high as the module allows where a C long has 32 bits.
_LARGEST_FIELD: Final = 2**31 - 1
_FASTTEXT_LINE: Final = re.compile(r"__label__([^ \t]*)[ \t]*(.*)", re.DOTALL)
_FURTHER_LABEL: Final = re.compile(r"(?:^|[ \t])__label__[^ \t]")


class Row(NamedTuple):
    """A text, its label and its weight; None where labels or weights are not read."""

    text: str
    label: str | int | None
    weight: float | None = None


def iter_rows(
    path: str | Path,
    text_column: str = "text",
    label_column: str | None = "label",
    weight_column: str | None = None,
) -> Iterator[Row]:
    """Read a file row by row, in constant memory.

    Args:
        path: A `.csv`, `.tsv`, `.jsonl` or fastText `.txt` file in UTF-8.
        text_column: The column, or JSON field, of the texts.
        label_column: The column, or JSON field, of the labels. None reads the texts alone, and
            a `.txt` file then has one text a line, with or without a `__label__` before it.
        weight_column: The column, or JSON field, of the texts' weights; None reads none. A `.txt`
            file has none.

    Returns:
        The rows. Labels are strings as they stand in the file; those of `.jsonl` may be integers.

    Raises:
        DataError: If the file cannot be used; while iterating, if a row cannot.
    """
    path = Path(path)
    check_file(path)
    ending = path.suffix.lower()
    rows: Iterator[Row]
    if ending in _DELIMITERS:
        rows = _delimited_rows(path, _DELIMITERS[ending], text_column, label_column, weight_column)
    elif ending == ".jsonl":
        rows = _json_rows(path, text_column, label_column, weight_column)
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
        path: A file as `iter_rows` takes it, a `.parquet` file, or `-` for standard input with one
            text a line, in which an empty line is an empty text.
        text_column: The column, or JSON field, of the texts.

    Raises:
        DataError: If the file cannot be used; while iterating, if a text cannot.
        MissingExtraError: For `.parquet` where pyarrow is not installed.
    """
    if str(path) == "-":
        return (_without_ending(line) for line in _decoded(sys.stdin.buffer, "standard input"))
    if Path(path).suffix.lower() == ".parquet":
        from wave_network.data.parquet import iter_parquet_texts

        check_file(Path(path))
        return iter_parquet_texts(Path(path), text_column)
    return (row.text for row in iter_rows(path, text_column, label_column=None))


def is_unicode(text: str) -> bool:
    """Whether a text can be written at all: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_one_column(values: object, name: str) -> None:
    """Refuse a table, whose iteration would give the names of its columns.

    Args:
        values: What should be texts or labels.
        name: Which of these.

    Raises:
        DataError: If it is a mapping, or a frame of pandas or polars.
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
    # Line by line, so that the message can name the line.
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
) -> Iterator[Row]:
    records = _records(path, delimiter)
    _, header = next(records, (0, None))
    if header is None:
        raise DataError(f"{path} is empty: its first line must name the columns")
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
                f' "quotes" around a text that holds {delimiter!r} or a line end'
            )
        if label_at is None:
            yield Row(fields[text_at], None)
        else:
            where = f"{path}:{line}"
            weight = None if weight_at is None else _weight(fields[weight_at], where)
            yield Row(fields[text_at], _stated(fields[label_at], where), weight)


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the number of the line it starts on."""
    csv.field_size_limit(_LARGEST_FIELD)
    # Strict, because a quote left open would otherwise swallow the rest of the file unnoticed.
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
    path: Path, text_column: str, label_column: str | None, weight_column: str | None
) -> Iterator[Row]:
    kind: type | None = None
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
            label = _json_label(_json_field(fields, label_column, LABEL_OPTION, where), where)
        kind = kind or type(label)
        if type(label) is not kind:
            raise DataError(
                f"{where}: the label is {_json_kind(label)}, unlike those above: make all labels"
                " strings or all integers"
            )
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
            f"{where}: no field {name!r}, only {there}: name the right one with {option}"
        )
    return fields[name]


def _json_label(label: object, where: str) -> str | int:
    if isinstance(label, str) and is_unicode(label):
        return _stated(label, where)
    if type(label) is int and -(2**63) <= label < 2**63:
        return label
    raise DataError(f"{where}: the label is {_json_kind(label)}, not a string or an integer")


def _json_kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names = {
        dict: "an object",
        float: "a number with a fraction",
        int: "a number",
        list: "a list",
        str: "half of a surrogate pair",
    }
    return names[type(value)]


def _fasttext_rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        match = _FASTTEXT_LINE.fullmatch(_without_ending(line))
        if match is None:
            raise DataError(f"{where}: no label: start the line with __label__NAME and a space")
        if _FURTHER_LABEL.search(match[2]):
            raise DataError(f"{where}: several labels: keep one for each text")
        yield Row(match[2], _stated(match[1], where))


def _plain_rows(path: Path) -> Iterator[Row]:
    for line in _lines(path):
        text = _without_ending(line)
        match = _FASTTEXT_LINE.fullmatch(text)
        yield Row(match[2] if match else text, None)


def _stated(label: str, where: str) -> str:
    if not label.strip():
        raise DataError(f"{where}: no label: give the row one, or remove it")
    return label


def _weight(value: object, where: str) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise DataError(f"{where}: the weight is {value!r:.60}, not a number")
