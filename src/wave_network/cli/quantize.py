"""`wave-network quantize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wave_network.cli.console import log_to_stderr, note_data, print_fields, print_json
from wave_network.cli.options import (
    AsJson,
    Encoding,
    LabelColumn,
    LabelSeparator,
    Model,
    Overwrite,
    Quoting,
    TextColumn,
)
from wave_network.evaluation.metric_names import metric_names


def quantize(
    model: Model,
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write the quantized model to.")
    ],
    bits: Annotated[
        int,
        typer.Option(
            metavar="8|4",
            help="Bits per number of a table: 8, or 4 for the smallest folder, which changes a few "
            "more predictions.",
        ),
    ] = 8,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Labelled data, as for evaluate, to measure what quantization costs; the model "
            "card reports it.",
        ),
    ] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    label_separator: LabelSeparator = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Quantize a model's embedding tables to 8 or 4 bits.

    Writes a model folder of about a third of the size, or a fifth with 4 bits. All commands read
    it like any other model.

    \b
    Examples:
      wave-network quantize wave-model --output wave-model-int8
      wave-network quantize wave-model --output wave-model-int8 --data sample
      wave-network quantize wave-model --output wave-model-int4 --bits 4
    """
    from wave_network.export.quantize import quantize_model
    from wave_network.persistence.folder import check_output

    log_to_stderr()
    check_output(output, overwrite=overwrite)
    rows = None
    if data is not None:
        from wave_network.data import read_dataset

        rows, split = read_dataset(
            data,
            text_column=text_column,
            label_column=label_column,
            label_separator=label_separator,
            encoding=encoding,
            quoting=quoting,
        )
        note_data("measuring on", len(rows), data, split)
    summary = quantize_model(model, output, rows, overwrite=overwrite, bits=bits)
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


def _print_summary(summary: dict[str, Any]) -> None:
    before, after = summary["size_bytes"]["before"], summary["size_bytes"]["after"]
    fields = [("model", f"{summary['model']} ({after / 1e6:.1f} MB, before {before / 1e6:.1f} MB)")]
    if measured := summary["measured"]:
        main = "micro_f1" if "micro_f1" in measured else "accuracy"
        for name, shown in metric_names(measured).items():
            if name in (main, "loss"):
                values = measured[name]
                fields.append((shown, f"{values['after']:.4f} (before {values['before']:.4f})"))
        fields.append(("predictions", f"{measured['changed']:,} of {measured['texts']:,} changed"))
    else:
        fields.append(("cost", "not measured: give labelled data with --data"))
    print_fields(fields)
