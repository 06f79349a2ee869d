"""`wave-network predict`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wave_network.cli.console import note_empty, prediction_record
from wave_network.cli.options import Model
from wave_network.data.rows import is_unicode
from wave_network.errors import ConfigError, DataError

if TYPE_CHECKING:
    from wave_network.runtime import Engine


def predict(
    model: Model,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Texts to classify.")
    ] = None,
    input_file: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE|-",
            help="Classify a file's texts: .csv, .tsv, .jsonl, .parquet, .txt (one text a line), "
            "or - for standard input (one text a line).",
        ),
    ] = None,
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="The file's column (or JSON field) of the texts.")
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to this file instead of standard output."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output file if it exists.")
    ] = False,
    top_k: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="K", help='Add "scores": the K most probable labels, each with its own.'
        ),
    ] = None,
) -> None:
    """Classify texts.

    Writes one JSON object a line, {"text", "label", "score"}, in input order, one for every input,
    empty ones too. The score is the label's probability. Of a model that gives a text any number
    of labels it is {"text", "labels", "scores"}, with the score of each of the labels. Put --
    before a text that starts with a dash.

    \b
    Examples:
      wave-network predict wave-model "Oil prices jump as OPEC cuts output"
      wave-network predict wave-model --input tickets.csv --text-column body --output out.jsonl
      cat lines.txt | wave-network predict wave-model --input - --top-k 3
    """
    from wave_network.atomic import replacing_file
    from wave_network.data import iter_texts
    from wave_network.runtime import load

    if bool(texts) == bool(input_file):
        raise ConfigError("give either texts to classify or --input FILE (- for standard input)")
    engine = load(model)
    source = _valid(texts) if texts else iter_texts(str(input_file), text_column)
    lines = _lines(engine, source, top_k)
    if output is None:
        sys.stdout.writelines(lines)
        return
    with replacing_file(output, overwrite=overwrite) as file:
        file.writelines(lines)


def _valid(arguments: list[str]) -> list[str]:
    for number, text in enumerate(arguments, start=1):
        if not is_unicode(text):
            raise DataError(f"text {number} is not UTF-8: convert it, for example with iconv")
    return arguments


def _lines(engine: Engine, texts: Iterable[str], top_k: int | None) -> Iterator[str]:
    """One JSON object a line; tells the user of empty texts at the end."""
    count = empty = 0
    multi_label = engine.config.is_multi_label
    for text, prediction in engine.iter_predict(texts):
        count += 1
        empty += not text.strip()
        record = prediction_record(text, prediction, multi_label=multi_label, top_k=top_k)
        yield json.dumps(record, ensure_ascii=False) + "\n"
    note_empty(empty, count)
