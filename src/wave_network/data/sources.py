"""Read all data of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wave_network.data.read import Splits, joined_rows, read_dataset, read_splits


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
        MissingExtraError: If `datasets` is not installed.
    """
    splits = read_splits(data, weight_column=weight_column, **columns)
    if validation is not None:
        preference = ("validation", "test", "train")
        splits = splits._replace(validation=read_dataset(validation, preference, **columns)[0])
    if test is not None:
        splits = splits._replace(test=read_dataset(test, **columns)[0])
    if replay is not None:
        replayed = read_splits(replay, weight_column=weight_column, **columns).train
        splits = splits._replace(train=joined_rows(splits.train, replayed))
    return splits
