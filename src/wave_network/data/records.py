"""Read the texts to predict together with the other columns of their file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wave_network.data.files import check_file, format_of
from wave_network.data.read_options import ReadOptions
from wave_network.data.rows import iter_rows
from wave_network.errors import DataError


def iter_records(
    path: str | Path,
    text_column: str = "text",
    options: ReadOptions = ReadOptions(),  # noqa: B008  # it is immutable
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the texts to predict with the other columns of their rows, in constant memory.

    Args:
        path: A `.csv`, `.tsv`, `.xlsx`, `.jsonl`, `.json` or `.parquet` file, also compressed.
        text_column: The column, or JSON field, of the texts.
        options: The file's encoding, and what quotation marks mean.

    Yields:
        Each text, and the other columns in their order, by their names.

    Raises:
        DataError: As `iter_texts`; also if the file has no columns, or two of the same name.
        MissingExtraError: As `iter_texts`.
    """
    if str(path) == "-":
        raise DataError("standard input has no columns to keep: give a file")
    check_file(Path(path), pipe=True)
    if format_of(Path(path)) == ".parquet":
        from wave_network.data.parquet import iter_parquet_records

        return iter_parquet_records(Path(path), text_column)
    rows = iter_rows(path, text_column, label_column=None, options=options, with_others=True)
    return ((row.text, row.others or {}) for row in rows)
