"""Embedding tables in 8 bits: a quarter of the bytes, read by the same engine.

A table of tokens gets a scale a row, as frequent tokens grow large. A table of hashed pairs has
rows of a few numbers, for which a scale each would cost as much as the numbers: it gets one scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import EMBEDDING_TABLES

SCALE_A_ROW: Final = ("embedding",)
"""The tables with a scale for each row."""

_LARGEST: Final = 127
_TINY: Final = np.finfo(np.float32).tiny


def quantize_table(
    table: NDArray[np.float32], *, by_row: bool
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a table to 8 bits: symmetric, to the nearest of 255 levels.

    Args:
        table: (rows, columns).
        by_row: A scale a row, or one for all.

    Returns:
        The values, int8, (rows, columns), and the scales, float32, (rows, 1) or (1, 1): their
        product is the table within half a scale.
    """
    largest = np.abs(table).max(axis=1 if by_row else None, keepdims=True)
    scale = np.maximum(largest / np.float32(_LARGEST), _TINY).astype(np.float32)
    return np.rint(table / scale).astype(np.int8), scale


def dequantize_table(values: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table that `quantize_table` rounded, float32."""
    return np.multiply(values, scale, dtype=np.float32)


def quantize_tensors(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """What is stored of a model in 8 bits: its tables as integers with scales, the rest as is."""
    stored: dict[str, NDArray[Any]] = dict(tensors)
    for table in _tables_in(tensors):
        quantized = quantize_table(tensors[f"{table}.weight"], by_row=table in SCALE_A_ROW)
        stored[f"{table}.weight"], stored[f"{table}.scale"] = quantized
    return stored


def dequantize_tensors(stored: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The tensors as float32, from what `quantize_tensors` gave."""
    tensors = dict(stored)
    for table in _tables_in(stored):
        scale = tensors.pop(f"{table}.scale")
        tensors[f"{table}.weight"] = dequantize_table(tensors[f"{table}.weight"], scale)
    return tensors


def stored_forms(
    shapes: Mapping[str, tuple[int, ...]], *, quantized: bool
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of every stored tensor, from the shapes that the model needs."""
    forms = {name: (shape, "float32") for name, shape in shapes.items()}
    for table in _tables_in(shapes) if quantized else ():
        rows, _ = shape = shapes[f"{table}.weight"]
        forms[f"{table}.weight"] = shape, "int8"
        forms[f"{table}.scale"] = (rows if table in SCALE_A_ROW else 1, 1), "float32"
    return forms


def _tables_in(tensors: Mapping[str, object]) -> list[str]:
    return [table for table in EMBEDDING_TABLES if f"{table}.weight" in tensors]
