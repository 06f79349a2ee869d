"""`wave-network vectors`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wave_network.cli.console import log_to_stderr, print_fields, print_json
from wave_network.cli.options import (
    AsJson,
    Encoding,
    Overwrite,
    Quoting,
    TextColumn,
    Threads,
    threaded,
)


@threaded
def vectors(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Texts: .txt (a text a line), .csv, .tsv, .jsonl, .json, .parquet or .xlsx files, "
            "also as .gz, .zst or .zip; or -, standard input (a text a line).",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            metavar="V",
            help="Folder to write the vectors to; or a text file, if its name ends in .vec or "
            ".vec.gz.",
        ),
    ],
    size: Annotated[int, typer.Option(metavar="N", help="Numbers of a vector.")] = 100,
    window: Annotated[
        int, typer.Option(metavar="N", help="How many words to each side are neighbours.")
    ] = 10,
    min_count: Annotated[
        int, typer.Option(metavar="N", help="How often a word occurs at least.")
    ] = 5,
    text_column: TextColumn = "text",
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the decomposition.")] = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Learn word vectors from texts without labels.

    Counts which words stand near each other, and decomposes their associations. train --vectors
    reads the result, and so do wave_network.fasttext and model2vec. Words are in lower case. Rarer
    words get vectors from their parts, in the folder alone. The vectors are the same whatever the
    number of threads.

    \b
    Examples:
      wave-network vectors archive.txt --output vectors
      wave-network vectors archive.csv more.jsonl.gz --text-column body --output archive.vec.gz
      wave-network train tickets.csv --vectors vectors
    """
    from wave_network.training.vectors.learn import VectorSettings
    from wave_network.training.vectors.run import learn_from_files

    log_to_stderr()
    summary = learn_from_files(
        files,
        output,
        settings=VectorSettings(size=size, window=window, min_count=min_count, seed=seed),
        text_column=text_column,
        encoding=encoding,
        quoting=quoting,
        overwrite=overwrite,
    )
    if as_json:
        print_json(summary)
        return
    print_fields(
        [
            ("vectors", f"{summary['vectors']} ({summary['size_bytes'] / 1e6:.1f} MB)"),
            ("words", f"{summary['words']:,}, {summary['size']} numbers each"),
        ]
    )
