"""The tensors of a fastText model, each declared once."""

from __future__ import annotations

from functools import partial
from typing import Literal

from wave_network.config import FastTextConfig
from wave_network.models.tensor_spec import Role, TensorSpec

CENTROIDS = 256
"""Of each block of columns: what a code of a byte can name."""


def tensor_specs(config: FastTextConfig) -> tuple[TensorSpec, ...]:
    """Return the spec of every stored tensor."""
    columns, labels = config.dimensions, config.num_labels
    table = _matrix(
        "input", (config.vocab_size, columns), "token table", config.input_block, config.input_norms
    )
    output = _matrix("output", (labels, columns), "head", config.output_block, config.output_norms)
    if config.loss != "hs":
        return (*table, *output)
    tree = TensorSpec("tree", (labels - 1, 2), "head", dtype="int32")
    return (*table, *output, tree)


def _matrix(
    name: Literal["input", "output"], shape: tuple[int, int], role: Role, block: int, norms: bool
) -> tuple[TensorSpec, ...]:
    """Return the specs of a matrix: of numbers, or of codes with their centroids."""
    rows, columns = shape
    if not block:
        scales: Literal["row"] | None = "row" if name == "input" else None
        return (TensorSpec(f"{name}.weight", shape, role, scales=scales),)
    part = partial(TensorSpec, role=role)
    codes = (
        part(f"{name}.codes", (rows, -(-columns // block)), dtype="uint8"),
        part(f"{name}.centroids", (CENTROIDS * columns,)),
    )
    if not norms:
        return codes
    return (
        *codes,
        part(f"{name}.norm_codes", (rows,), dtype="uint8"),
        part(f"{name}.norm_centroids", (CENTROIDS,)),
    )
