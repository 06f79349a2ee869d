"""Embedding tables in 8 bits: a quarter of the bytes, read by the same engine.

A table of tokens gets a scale a row, as frequent tokens grow large. A table of hashed pairs has
rows of a few numbers, for which a scale each would cost as much as the numbers: it gets one scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TABLES: Final[Mapping[str, bool]] = {"embedding.weight": True, "bigrams.weight": False}
"""The tensors stored in 8 bits, and whether each row has a scale of its own."""

_LARGEST: Final = 127
_TINY: Final = np.finfo(np.float32).tiny


def scale_name(table: str) -> str:
    """The name under which a table's scales are stored."""
    return table.replace(".weight", ".scale")


def quantize_table(table: NDArray[np.float32], *, by_row: bool) -> dict[str, NDArray[Any]]:
    """Round a table to 8 bits: symmetric, to the nearest of 255 levels.

    Args:
        table: (rows, columns).
        by_row: A scale a row, or one for all.

    Returns:
        `values`, int8, (rows, columns), and `scale`, float32, (rows, 1) or (1, 1): their product
        is the table within half a scale.
    """
    largest = np.abs(table).max(axis=1 if by_row else None, keepdims=True)
    scale = np.maximum(largest / np.float32(_LARGEST), _TINY).astype(np.float32)
    return {"values": np.rint(table / scale).astype(np.int8), "scale": scale}


def dequantize_table(values: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table that `quantize_table` rounded, float32."""
    return np.multiply(values, scale, dtype=np.float32)


def quantize_tensors(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """What is stored of a model in 8 bits: its tables as integers with scales, the rest as is."""
    stored: dict[str, NDArray[Any]] = dict(tensors)
    for name, by_row in TABLES.items():
        if name in tensors:
            quantized = quantize_table(tensors[name], by_row=by_row)
            stored[name], stored[scale_name(name)] = quantized["values"], quantized["scale"]
    return stored


def dequantize_tensors(stored: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The tensors as float32, from what `quantize_tensors` gave."""
    tensors = dict(stored)
    for name in TABLES:
        if name in tensors:
            tensors[name] = dequantize_table(tensors[name], tensors.pop(scale_name(name)))
    return tensors


def stored_forms(
    shapes: Mapping[str, tuple[int, ...]], *, quantized: bool
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of every stored tensor, from the shapes that the model needs."""
    forms = {name: (shape, "float32") for name, shape in shapes.items()}
    if quantized:
        for name in TABLES.keys() & shapes.keys():
            forms[name] = (shapes[name], "int8")
            forms[scale_name(name)] = (shapes[name][0] if TABLES[name] else 1, 1), "float32"
    return forms
