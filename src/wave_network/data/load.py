"""Load a file, or a folder of classes, as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from wave_network.data.collect import collect, unchanging
from wave_network.data.columns import Columns
from wave_network.data.files import UNTYPED_ENDINGS, format_of
from wave_network.data.folders import iter_class_rows
from wave_network.data.read_options import ReadOptions
from wave_network.data.rows import Row, iter_rows, iter_texts
from wave_network.data.table import Table
from wave_network.progress.stages import stage


def load_file(path: Path, columns: Columns, options: ReadOptions) -> Table:
    """Load a file, or a folder of classes, with labels.

    Args:
        path: The file or folder.
        columns: The columns to read.
        options: Its encoding, and what quotation marks mean.

    Raises:
        DataError: If the file, or one of its rows, cannot be used.
        OutputError: If the temporary folder cannot take the copy.
        MissingExtraError: If a format needs a library that is not installed.
    """

    def load() -> Table:
        if not is_untyped(path) and format_of(path) == ".parquet":
            from wave_network.data.parquet import load_parquet

            return load_parquet(path, columns)
        return collect(_rows(path, columns, options), path)

    with unchanging(path), stage(f"reading {path.name}"):
        return _through_cache(path, options, list(columns), load)


def load_texts(path: Path, text_column: str, options: ReadOptions) -> Table:
    """Load the texts of a file, without labels.

    Raises:
        DataError: If the file, or one of its texts, cannot be used.
        OutputError: If the temporary folder cannot take the copy.
        MissingExtraError: If a format needs a library that is not installed.
    """

    def load() -> Table:
        texts = iter_texts(path, text_column, options.encoding, options.quoting)
        return collect((Row(text, None) for text in texts), path)

    with unchanging(path), stage(f"reading {path.name}"):
        return _through_cache(path, options, text_column, load)


def _through_cache(
    path: Path, options: ReadOptions, columns: object, load: Callable[[], Table]
) -> Table:
    """Return the rows of a file from the cache, if there is one and it has them."""
    if options.cache is None or os.path.isdir(path):
        return load()
    from wave_network.data.cached_rows import rows_through  # seldom needed

    how = json.dumps([path.suffixes, format_of(path), columns, options.encoding, options.quoting])
    return rows_through(options.cache, path, how, load)


def is_untyped(path: Path) -> bool:
    """Whether a file, or a folder of classes, does not distinguish integers from strings."""
    return os.path.isdir(path) or format_of(path) in UNTYPED_ENDINGS


def _rows(path: Path, columns: Columns, options: ReadOptions) -> Iterator[Row]:
    if os.path.isdir(path):
        return iter_class_rows(path, options)
    return iter_rows(path, *columns, options=options)
