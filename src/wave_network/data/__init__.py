"""Read texts and labels, split them, and pack them into batches.

The public names are loaded on first use, so that predicting from a file imports little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wave_network.data.labels import MultiLabel, SingleLabel, labelling_of
    from wave_network.data.memory import from_memory, texts_from_memory
    from wave_network.data.read import (
        Splits,
        joined_rows,
        labelling_type,
        read_dataset,
        read_splits,
        read_texts,
    )
    from wave_network.data.rows import iter_texts
    from wave_network.data.table import Table, column, column_chunks, concatenate
    from wave_network.data.training_data import TrainingData

__all__ = [
    "MultiLabel",
    "SingleLabel",
    "Splits",
    "Table",
    "TrainingData",
    "column",
    "column_chunks",
    "concatenate",
    "from_memory",
    "iter_texts",
    "joined_rows",
    "labelling_of",
    "labelling_type",
    "read_dataset",
    "read_splits",
    "read_texts",
    "texts_from_memory",
]

_HOMES = {
    "MultiLabel": "labels",
    "SingleLabel": "labels",
    "Splits": "read",
    "Table": "table",
    "TrainingData": "training_data",
    "column": "table",
    "column_chunks": "table",
    "concatenate": "table",
    "from_memory": "memory",
    "iter_texts": "rows",
    "joined_rows": "read",
    "labelling_of": "labels",
    "labelling_type": "read",
    "read_dataset": "read",
    "read_splits": "read",
    "read_texts": "read",
    "texts_from_memory": "memory",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOMES:
        return getattr(import_module(f"wave_network.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'wave_network.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
