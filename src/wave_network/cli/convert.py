"""`wave-network convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wave_network.cli.console import print_fields, print_json
from wave_network.cli.options import AsJson, Overwrite


def convert(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A file of fastText, .bin or .ftz.")
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write the model to.")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Convert a classifier of fastText to a model folder.

    All commands read the file itself, too. A folder can be quantized to 8 or 4 bits, published with
    push, and has no code and no pickle. It gives the same answers.

    \b
    Examples:
      wave-network convert lid.176.bin --output lid
      wave-network quantize lid --output lid-int8
      wave-network export lid-int8 --format web --output lid-page
    """
    from wave_network.fasttext.converting import convert_model

    summary = convert_model(model, output, overwrite=overwrite)
    if as_json:
        print_json(summary)
        return
    before, after = (summary["size_bytes"][when] / 1e6 for when in ("before", "after"))
    print_fields([("model", f"{summary['model']} ({after:.1f} MB, before {before:.1f} MB)")])
