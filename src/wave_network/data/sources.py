"""Read all data of a training run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from wave_network.data.read import Splits, joined_rows, read_dataset, read_splits, source_of
from wave_network.data.table import Table


def read_training_data(
    data: str | Path,
    *,
    validation: str | Path | None = None,
    test: str | Path | None = None,
    replay: str | Path | None = None,
    weight_column: str | None = None,
    **columns: Any,  # noqa: ANN401
) -> Splits:
    """Read training data, with separate validation and test data and earlier data to replay.

    Args:
        data: As for `read_splits`.
        validation: Replaces the validation split of `data`.
        test: Replaces the test split of `data`.
        replay: Data whose training split is added to that of `data`.
        weight_column: The column of the sample weights.
        columns: The other columns' names, as for `read_splits`.

    Raises:
        DataError: If any of the data cannot be used.
        OutputError: If the disk cannot take the working copy.
        MissingExtraError: If a format needs a library that is not installed.
    """
    splits = read_splits(data, weight_column=weight_column, **columns)
    if validation is not None:
        preference = ("validation", "test", "train")
        rows, name = read_dataset(validation, preference, **columns)
        splits = _with(splits, "validation", rows, source_of(validation, name))
    if test is not None:
        rows, name = read_dataset(test, **columns)
        splits = _with(splits, "test", rows, source_of(test, name))
    if replay is not None:
        replayed = read_splits(replay, weight_column=weight_column, **columns)
        source = f"{splits.sources['train']} and {replayed.sources['train']}"
        splits = _with(splits, "train", joined_rows(splits.train, replayed.train), source)
        left_out = Counter(splits.left_out) + Counter(replayed.left_out)
        splits = splits._replace(left_out=left_out)
    return splits


def _with(splits: Splits, name: str, rows: Table, source: str) -> Splits:
    """Replace a split and its source."""
    changed: dict[str, Any] = {name: rows, "sources": {**splits.sources, name: source}}
    return splits._replace(**changed)
