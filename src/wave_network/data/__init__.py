"""Read texts and labels, split them, and pack them into batches.

The public names are loaded on first use, so that predicting from a file imports neither torch nor
`datasets`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wave_network.data.label_sets import encode_label_sets, split_label_sets
    from wave_network.data.read import (
        Splits,
        column,
        column_chunks,
        from_memory,
        has_label_lists,
        joined_rows,
        read_dataset,
        read_splits,
        read_texts,
        texts_from_memory,
    )
    from wave_network.data.rows import iter_texts
    from wave_network.data.split import encode_labels, stratified_split

__all__ = [
    "Splits",
    "column",
    "column_chunks",
    "encode_label_sets",
    "encode_labels",
    "from_memory",
    "has_label_lists",
    "iter_texts",
    "joined_rows",
    "read_dataset",
    "read_splits",
    "read_texts",
    "split_label_sets",
    "stratified_split",
    "texts_from_memory",
]

_HOMES = {
    "Splits": "read",
    "column": "read",
    "column_chunks": "read",
    "encode_label_sets": "label_sets",
    "encode_labels": "split",
    "from_memory": "read",
    "has_label_lists": "read",
    "iter_texts": "rows",
    "joined_rows": "read",
    "read_dataset": "read",
    "read_splits": "read",
    "read_texts": "read",
    "split_label_sets": "label_sets",
    "stratified_split": "split",
    "texts_from_memory": "read",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOMES:
        return getattr(import_module(f"wave_network.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'wave_network.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
