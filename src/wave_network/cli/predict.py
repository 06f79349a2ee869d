"""`wave-network predict`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from wave_network.runtime import Engine


def predict(
    model: Annotated[str, typer.Argument(help="A model folder, or hub:OWNER/NAME.")],
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to classify.")
    ] = None,
    input_file: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE|-",
            help="Classify a file's texts: .csv, .tsv, .jsonl, .parquet, .txt (one text a line), "
            "or - for standard input.",
        ),
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    output: Annotated[
        Path | None, typer.Option(help="File to write to instead of standard output.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output file if it exists.")
    ] = False,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Also give the K most probable labels' scores.")
    ] = None,
) -> None:
    """Classify texts: one JSON object a line, in input order, one for every input.

    \b
    Examples:
      wave-network predict wave-model "Oil prices jump as OPEC cuts output"
      wave-network predict wave-model --input tickets.csv --text-column body --output out.jsonl
      cat lines.txt | wave-network predict wave-model --input - --top-k 3
    """
    from wave_network.atomic import replacing_file
    from wave_network.data.rows import iter_texts
    from wave_network.runtime import load

    if bool(texts) == bool(input_file):
        raise ConfigError("give either texts to classify or --input FILE (- for standard input)")
    engine = load(model)
    source = texts or iter_texts(str(input_file), text_column)
    if output is None:
        for line in _lines(engine, source, top_k):
            typer.echo(line)
        return
    with replacing_file(output, overwrite=overwrite) as file:
        file.writelines(f"{line}\n" for line in _lines(engine, source, top_k))


def _lines(engine: Engine, texts: Iterable[str], top_k: int | None) -> Iterator[str]:
    for text, prediction in engine.iter_predict(texts):
        record: dict[str, Any] = {
            "text": text,
            "label": prediction.label,
            "score": prediction.score,
        }
        if top_k is not None:
            record["scores"] = dict(list(prediction.scores.items())[:top_k])
        yield json.dumps(record, ensure_ascii=False)
