"""Quantise a model folder to 8 or 4 bits, and measure what that costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wave_network.config.checks import check_choice
from wave_network.errors import ConfigError
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import (
    ModelFiles,
    read_history,
    read_model,
    resolve_source,
    size_bytes,
    write_model,
)
from wave_network.persistence.quantization import dequantize_tensors, quantize_tensors
from wave_network.progress.stages import tracked
from wave_network.runtime.engine import Engine

if TYPE_CHECKING:
    from wave_network.data import Table


def quantize_model(
    source: str | Path,
    output: Path,
    data: Table | None,
    *,
    overwrite: bool,
    bits: int = 8,
) -> dict[str, Any]:
    """Write a model with its embedding tables in 8 or 4 bits.

    Args:
        source: A model folder, or `hub:OWNER/NAME`.
        output: The folder to write.
        data: Labelled rows to evaluate both models on; None evaluates neither.
        overwrite: Replace the output folder if it exists.
        bits: The bits of each number: 8 or 4.

    Returns:
        `model`, `bits`, `size_bytes` (`before`, `after`), and `measured`: None, or `texts`,
        `changed` (answers), and `accuracy`, `macro_f1` and `loss` (of a multi-label model
        `micro_f1` too), each `before` and `after`.

    Raises:
        ConfigError: If the model is quantised already, or cannot be stored in that many bits.
        ModelFolderError: If it cannot be read.
        OutputError: If the output cannot be written.
    """
    check_choice("bits", bits, (8, 4))
    files = read_model(source)
    if files.table_bits < 32:
        raise ConfigError(
            f"{source} is in {files.table_bits} bits already: give the model it was made from"
        )
    if not any(spec.is_table for spec in tensor_specs(files.config)):
        raise ConfigError(f"{source} is product-quantised already: give the model it was made from")
    size = size_bytes(resolve_source(source))  # before the output replaces the source, if it does
    measured = None if data is None else _measure(files, data, bits)
    metrics = {**files.metrics, "quantization": measured}
    small = replace(files, metrics=metrics, table_bits=bits)
    write_model(
        output,
        small,
        card=render_card(small),
        history=read_history(source),
        overwrite=overwrite,
    )
    sizes = {"before": size, "after": size_bytes(output)}
    return {"model": str(output), "bits": bits, "size_bytes": sizes, "measured": measured}


def _measure(before: ModelFiles, data: Table, bits: int) -> dict[str, Any]:
    """Evaluate both models, the quantised one with the tensors that its folder will contain."""
    from wave_network.data import column
    from wave_network.data.labels import labelling_of
    from wave_network.evaluation.metrics import summarize_for

    config, labelling = before.config, labelling_of(before.config)
    specs = tensor_specs(config)
    stored = quantize_tensors(before.tensors, specs, bits)
    after = replace(before, tensors=dequantize_tensors(stored, specs, bits))
    targets = labelling.encode(data["label"])
    found = [
        Engine(files).predict_proba(tracked(column(data, "text"), f"predicting {which}", len(data)))
        for files, which in ((before, "with the model"), (after, "with the quantized model"))
    ]  # (texts, labels) each
    first, second = (summarize_for(labelling, probabilities, targets) for probabilities in found)
    changed = labelling.changed(*found)
    both = {name: {"before": first[name], "after": second[name]} for name in first}
    return {"texts": len(targets), "changed": int(np.count_nonzero(changed)), **both}
