"""`wave-network export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from wave_network.cli.console import print_fields, print_json
from wave_network.cli.options import AsJson, Model, Overwrite
from wave_network.errors import ConfigError
from wave_network.progress.stages import stage

_FORMATS: Final = ("onnx",)


def export(
    model: Model,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write the export to.")],
    file_format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Format of the export: onnx.")
    ] = "onnx",
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Store the embedding tables in 8 bits, as quantize does: about a third of the "
            "size, with the same small loss of accuracy.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Export a model to ONNX, for other languages and the browser.

    The folder holds model.onnx and the tokenizer in the form of Hugging Face's libraries. The
    inputs are input_ids and attention_mask, for any number of texts of any length. The output is
    logits, and their softmax gives the same probabilities as predict (for multi-label models,
    their sigmoid).

    \b
    Examples:
      wave-network export wave-model --output wave-onnx
      wave-network export wave-model --format onnx --int8 --output wave-onnx
    """
    from wave_network.export.folder import export_onnx

    if file_format not in _FORMATS:
        raise ConfigError(f"--format must be {', '.join(_FORMATS)}; got {file_format!r}")
    with stage("exporting"):
        summary = export_onnx(model, output, int8=int8, overwrite=overwrite)
    if as_json:
        print_json(summary)
        return
    quantization = summary["quantization"]
    precision = f"tables in {quantization}" if quantization else "float32"
    print_fields(
        [
            ("export", f"{summary['export']} ({summary['size_bytes'] / 1e6:.1f} MB)"),
            ("format", f"ONNX, opset {summary['opset']}, {precision}"),
            ("inputs", "input_ids, attention_mask: int64, (texts, tokens)"),
            ("output", "logits: float32, (texts, classes)"),
        ]
    )
