"""Embedding tables in 8 or 4 bits: a quarter or a seventh of the bytes, read by the same engine.

In 8 bits a table has a scale for each row, or a single one, as its family declares
(`TensorSpec.scales`). The rows of frequent tokens grow large, so each has its own scale. The rows
of hashed n-grams have a few numbers, where a scale for each row would take as much space as the
numbers.

4 bits have only 15 levels, too few for a whole table, so every `_NUMBERS_A_SCALE` numbers have a
scale of 16 bits, which covers whole rows. Two numbers share a byte: one from the first half of the
rows in the low bits, and the one half a table later in the high bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError
from wave_network.models.tensor_spec import TensorSpec

QUANTIZATIONS: Final[Mapping[int, str | None]] = {32: None, 8: "int8", 4: "int4"}
"""The possible bits of a table's numbers in a file, and their names in `config.json`."""

HALF_BYTE_ZERO: Final = 8
"""The stored value of 0 in 4 bits."""

_LARGEST: Final = 127
_LARGEST_PACKED: Final = 7
_NUMBERS_A_SCALE: Final = 32
_TINY: Final = np.finfo(np.float32).tiny
_MOST_PACKED: Final = _LARGEST_PACKED * float(np.finfo(np.float16).max)


def quantize_table(
    table: NDArray[np.float32], *, by_row: bool
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a table to 8 bits: symmetric, to the nearest of 255 levels.

    Args:
        table: (rows, columns).
        by_row: Whether each row has its own scale; otherwise there is one for the table.

    Returns:
        The values, int8, (rows, columns), and the scales, float32, (rows, 1) or (1, 1). Their
        product differs from the table by at most half a scale.
    """
    largest = np.abs(table).max(axis=1 if by_row else None, keepdims=True)
    scale = np.maximum(largest / np.float32(_LARGEST), _TINY).astype(np.float32)
    return np.rint(table / scale).astype(np.int8), scale


def dequantize_table(values: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the table that `quantize_table` rounded, as float32."""
    return np.multiply(values, scale, dtype=np.float32)


def rows_a_scale(columns: int) -> int:
    """Return how many neighbouring rows of a table in 4 bits share a scale."""
    return max(_NUMBERS_A_SCALE // columns, 1)


def pack_table(table: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Round a table to 4 bits: symmetric, to the nearest of 15 levels, two numbers a byte.

    Args:
        table: (rows, columns).

    Returns:
        The numbers, uint8, (half the rows, columns), and the scales, float16, (scales, 1): one
        for every `rows_a_scale` rows.

    Raises:
        ConfigError: If the table has numbers that are too large for float16 scales, or not finite.
    """
    rows, columns = table.shape
    together = rows_a_scale(columns)
    blocks = np.zeros((-(-rows // together), together * columns), np.float32)
    blocks.reshape(-1, columns)[:rows] = table
    largest = np.abs(blocks).max(axis=1, keepdims=True)
    if not (largest <= _MOST_PACKED).all():
        raise ConfigError(f"a table with numbers above {_MOST_PACKED:,.0f} cannot be in 4 bits")
    exact = largest / np.float32(_LARGEST_PACKED)
    scale = exact.astype(np.float16)
    low = scale < exact  # round these up, so that the largest number stays within the levels
    scale[low] = np.nextafter(scale[low], np.float16(np.inf))
    levels = np.rint(blocks / np.maximum(scale, _TINY, dtype=np.float32)).reshape(-1, columns)
    half = -(-rows // 2)
    stored = np.zeros((2 * half, columns), np.uint8)
    stored[:rows] = levels[:rows] + HALF_BYTE_ZERO
    return stored[:half] | stored[half:] << 4, scale


def unpack_table(
    packed: NDArray[np.uint8], scale: NDArray[np.float16], rows: int
) -> NDArray[np.float32]:
    """Return the table that `pack_table` rounded, float32, (rows, columns)."""
    half, columns = packed.shape
    table = np.zeros((len(scale) * rows_a_scale(columns), columns), np.float32)
    table[:half] = packed & 15
    table[half:rows] = packed[: rows - half] >> 4
    table -= HALF_BYTE_ZERO
    blocks = table.reshape(len(scale), -1)
    blocks *= scale
    return table[:rows]


def quantize_tensors(
    tensors: Mapping[str, NDArray[np.float32]], specs: Sequence[TensorSpec], bits: int
) -> dict[str, NDArray[Any]]:
    """Convert a model for storing: its tables to integers with scales, the rest unchanged.

    Args:
        tensors: The tensors of the model.
        specs: Their declarations.
        bits: The bits of each number of a table: a key of `QUANTIZATIONS`.

    Raises:
        ConfigError: As in `pack_table`.
    """
    stored: dict[str, NDArray[Any]] = dict(tensors)
    for spec in _quantized(specs, bits):
        values = tensors[spec.name]
        quantized: tuple[NDArray[Any], NDArray[Any]]
        if bits == 4:
            quantized = pack_table(values)
        else:
            quantized = quantize_table(values, by_row=spec.scales == "row")
        stored[spec.name], stored[scale_name(spec)] = quantized
    return stored


def dequantize_tensors(
    stored: Mapping[str, NDArray[Any]], specs: Sequence[TensorSpec], bits: int
) -> dict[str, NDArray[np.float32]]:
    """Convert stored tensors back to float32.

    Args:
        stored: The result of `quantize_tensors`, in the form that `stored_forms` says.
        specs: The declarations of the model's tensors.
        bits: As for `quantize_tensors`.
    """
    tensors = dict(stored)
    for spec in _quantized(specs, bits):
        values, scale = tensors[spec.name], tensors.pop(scale_name(spec))
        if bits == 4:
            tensors[spec.name] = unpack_table(values, scale, rows=spec.shape[0])
        else:
            tensors[spec.name] = dequantize_table(values, scale)
    return tensors


def stored_forms(specs: Sequence[TensorSpec], bits: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return shape and dtype of every stored tensor, from the declarations of the model's."""
    forms: dict[str, tuple[tuple[int, ...], str]]
    forms = {spec.name: (spec.shape, spec.dtype) for spec in specs}
    for spec in _quantized(specs, bits):
        rows, columns = spec.shape
        if bits == 4:
            forms[spec.name] = (-(-rows // 2), columns), "uint8"
            forms[scale_name(spec)] = (-(-rows // rows_a_scale(columns)), 1), "float16"
        else:
            forms[spec.name] = spec.shape, "int8"
            forms[scale_name(spec)] = (rows if spec.scales == "row" else 1, 1), "float32"
    return forms


def scale_name(spec: TensorSpec) -> str:
    """What a table's scales are called in the file."""
    return f"{spec.module}.scale"


def _quantized(specs: Sequence[TensorSpec], bits: int) -> list[TensorSpec]:
    return [spec for spec in specs if spec.is_table and bits < 32]
