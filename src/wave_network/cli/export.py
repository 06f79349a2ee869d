"""`wave-network export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from wave_network.cli.console import print_fields, print_json
from wave_network.cli.options import AsJson, Model, Overwrite
from wave_network.errors import ConfigError
from wave_network.progress.stages import stage

_FORMATS: Final = ("onnx", "web")


def export(
    model: Model,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write the export to.")],
    file_format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Format of the export: onnx or web.")
    ] = "onnx",
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="With onnx: store the embedding tables in 8 bits, as quantize does: about a third "
            "of the size, with the same small loss of accuracy.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Export a model to ONNX, or as a page that runs in the browser.

    onnx: the folder holds model.onnx and the tokenizer in the form of Hugging Face's libraries. The
    inputs are input_ids and attention_mask, for any number of texts of any length. The output is
    logits, and their softmax gives the same probabilities as predict (for multi-label models,
    their sigmoid).

    web: the folder holds a page, the JavaScript engine and the model. It works from any file
    server; what visitors type stays in their browser.

    \b
    Examples:
      wave-network export wave-model --output wave-onnx
      wave-network export wave-model --format onnx --int8 --output wave-onnx
      wave-network export wave-model --format web --output wave-page
    """
    if file_format not in _FORMATS:
        raise ConfigError(f"--format must be {' or '.join(_FORMATS)}; got {file_format!r}")
    if file_format == "web":
        _export_web(model, output, int8=int8, overwrite=overwrite, as_json=as_json)
    else:
        _export_onnx(model, output, int8=int8, overwrite=overwrite, as_json=as_json)


def _export_web(model: str, output: Path, *, int8: bool, overwrite: bool, as_json: bool) -> None:
    from wave_network.export.web import write_web

    if int8:
        raise ConfigError("--int8 is for --format onnx: quantize the model, and export the result")
    with stage("exporting"):
        summary = write_web(model, output, overwrite=overwrite)
    if as_json:
        print_json(summary)
        return
    print_fields(
        [
            ("export", f"{summary['export']} ({summary['size_bytes'] / 1e6:.1f} MB)"),
            ("page", summary["page"]),
            ("try it", f"python -m http.server --directory {output}"),
        ]
    )


def _export_onnx(model: str, output: Path, *, int8: bool, overwrite: bool, as_json: bool) -> None:
    from wave_network.export.folder import export_onnx

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
