"""`wave-network distill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wave_network.cli.console import log_to_stderr, print_fields, print_json
from wave_network.cli.options import AsJson, Overwrite
from wave_network.errors import extra_needed


def distill(
    encoder: Annotated[
        str,
        typer.Argument(
            metavar="ENCODER",
            help="A sentence encoder: a folder of transformers, or hub:OWNER/NAME[@REVISION].",
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="VECTORS", help="Folder to write the word vectors to.")
    ],
    size: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Numbers of a vector. More take longer to train with and seldom help.",
        ),
    ] = 128,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Distil word vectors from a sentence encoder.

    The encoder reads every word of its vocabulary once. train --vectors reads the folder, and so
    does model2vec, whose layout it has. train --vectors ENCODER distils anew each time.

    \b
    Examples:
      wave-network distill hub:sentence-transformers/all-MiniLM-L6-v2 --output vectors
      wave-network train tickets.csv --vectors vectors
    """
    log_to_stderr()
    with extra_needed("transformers", "distilling a sentence encoder"):
        from wave_network.few_labels.encoders import write_distilled
    summary = write_distilled(encoder, output, size, overwrite=overwrite)
    if as_json:
        print_json(summary)
        return
    print_fields(
        [
            ("vectors", f"{summary['vectors']} ({summary['size_bytes'] / 1e6:.1f} MB)"),
            ("words", f"{summary['words']:,}, {summary['size']} numbers each, float16"),
        ]
    )
