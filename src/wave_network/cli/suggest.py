"""`wave-network suggest`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from wave_network.cli.console import log_to_stderr, note, print_line
from wave_network.cli.exit import write_whole
from wave_network.cli.options import Encoding, Overwrite, Quoting
from wave_network.data.json_text import json_line
from wave_network.errors import printable
from wave_network.progress.terminal import cut, width_of

if TYPE_CHECKING:
    from wave_network.few_labels.suggestions.suggest import Suggestion
    from wave_network.runtime import Engine

_NARROWEST: Final = 40  # columns of a text on a terminal


def suggest(
    input_file: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="FILE|-",
            help="The archive, the texts to choose from: .csv, .tsv, .jsonl, .json, .parquet, "
            ".xlsx, .txt (one text per line), also as .gz, .zst or .zip; or - for standard input "
            "(one text per line).",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="The classifier so far: a model folder, or hub:OWNER/NAME[@REVISION]. Without "
            "labels yet, leave it out.",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option(metavar="N", help="How many texts to suggest, up to 1,000.")
    ] = 20,
    labeled: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Texts that are labelled already, a file as the archive: they are not suggested "
            "again.",
        ),
    ] = None,
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="The files' column (or JSON field) of the texts.")
    ] = "text",
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this file instead of standard output, with an empty column of labels to "
            "fill in: .jsonl, .json, .csv, .tsv or .parquet.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Seed of everything that is drawn at random.")
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON lines to a terminal, too.")
    ] = False,
) -> None:
    """Suggest which texts of an archive to label next.

    With a model, they are texts that it is unsure of, although their class is clear from the words
    that they share with the rest of the archive. Without one, they together represent the archive.
    Either way they are about different topics, and there are no near-duplicates.

    Writes one JSON object per line, {"text", "label", "guess", "score", "reason"}: the label is
    null, and the guess and its score are the model's. A terminal shows them for people. Fill in the
    labels of the --output file, and train reads it.

    \b
    Examples:
      wave-network suggest --input archive.csv --count 20 --output labelled.csv
      wave-network suggest wave-model --input archive.csv --labeled labelled.csv --output next.csv
    """
    from wave_network.data import iter_texts
    from wave_network.data.writing import format_to_write, write_records
    from wave_network.few_labels.suggestions.suggest import suggest as suggest_texts
    from wave_network.persistence.atomic import check_new, replacing_file
    from wave_network.persistence.paths import check_apart
    from wave_network.runtime import load

    given = None if input_file == "-" else input_file
    check_apart({"output": output}, {"input_file": given, "labeled": labeled})
    ending = None if output is None else format_to_write(output)
    if output is not None:
        check_new(output, overwrite=overwrite)
    log_to_stderr()
    engine = None if model is None else load(model)

    def texts(path: str) -> Iterable[str]:
        return iter_texts(path, text_column, encoding, quoting)

    suggestions = suggest_texts(
        texts(input_file), count, engine, () if labeled is None else texts(labeled), seed
    )
    records = [_record(suggestion, text_column) for suggestion in suggestions]
    if output is None or ending is None:
        _print(suggestions, records, as_json=as_json)
        return
    types = _types(engine) if ending == ".parquet" else {}
    with replacing_file(output, overwrite=overwrite) as file:
        write_records(file, records, ending, types)
    note(f"{output}: fill in the label of each text, or delete its row; then train with it")


def _record(suggestion: Suggestion, text_column: str) -> dict[str, Any]:
    from wave_network.runtime.records import rounded

    return {
        text_column: suggestion.text,
        "label": None,
        "guess": suggestion.guess,
        "score": rounded(suggestion.score),
        "reason": suggestion.reason,
    }


def _types(engine: Engine | None) -> dict[str, Any]:
    """Return the Arrow types of the columns that may be null in all records."""
    import pyarrow as pa

    from wave_network.data.parquet_writing import type_of

    kind = pa.string() if engine is None else type_of(engine.labels)
    several = engine is not None and engine.labelling.multi_label
    label = pa.list_(kind) if several else kind
    return {"label": label, "guess": label, "score": pa.float64()}


def _print(
    suggestions: Iterable[Suggestion], records: Iterable[dict[str, Any]], *, as_json: bool
) -> None:
    """Print suggestions on stdout: for people on a terminal, elsewhere a line of JSON each."""
    if as_json or not sys.stdout.isatty():
        write_whole(map(json_line, records))
        return
    width = max(width_of(sys.stdout), _NARROWEST)
    for suggestion in suggestions:
        print_line(cut(printable(" ".join(suggestion.text.split())), width))
        print_line(f"  {suggestion.reason}")
