"""`wave-network similar`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from wave_network.cli.console import log_to_stderr, note_data, print_line
from wave_network.cli.exit import write_whole
from wave_network.cli.options import (
    Encoding,
    LabelColumn,
    LabelSeparator,
    Model,
    Quoting,
    TextColumn,
    Threads,
    threaded,
)
from wave_network.cli.prediction_lines import readable, valid
from wave_network.data.json_text import json_line
from wave_network.errors import printable
from wave_network.progress.stages import tracked
from wave_network.progress.terminal import cut, width_of

_NARROWEST: Final = 60  # columns of a neighbour on a terminal


@threaded
def similar(
    model: Model,
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT", help="The texts to find neighbours for.")
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="DATA",
            help="Labelled data to search, as for train: best what the model was trained on. The "
            "train split is used, if there are several.",
        ),
    ],
    count: Annotated[
        int, typer.Option(metavar="N", help="How many texts to show for each, up to 1,000.")
    ] = 5,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    label_separator: LabelSeparator = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    threads: Threads = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON lines to a terminal, too.")
    ] = False,
) -> None:
    """Explain answers by examples: the most similar training texts.

    Texts are similar if the model computes its answers for them from similar vectors: the
    similarity is their cosine, from -1 to 1. A text whose neighbours have another label than its
    prediction, or that is far from all of them, deserves a second look.

    Writes one JSON object per text: that of predict, and "similar", a list of {"text", "label",
    "row", "similarity"}, the most similar first. Rows count from 1. A terminal shows them for
    people.

    \b
    Examples:
      wave-network similar wave-model --data sample "Oil prices jump as OPEC cuts output"
      wave-network similar wave-model --data train.csv --count 20 --json "Where is my parcel?"
    """
    from wave_network.data import column, read_dataset
    from wave_network.explain.neighbours import most_similar
    from wave_network.runtime import load
    from wave_network.runtime.records import prediction_record, rounded

    log_to_stderr()
    engine = load(model)
    rows, split = read_dataset(
        data,
        ("train", "validation", "test"),
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
        encoding=encoding,
        quoting=quoting,
    )
    note_data("searching", len(rows), data, split)
    among = tracked(column(rows, "text"), "searching", len(rows))
    found = most_similar(engine, valid(texts), among, count)
    records = []
    for text, prediction, neighbours in zip(texts, engine.predict(texts), found, strict=True):
        examples = [
            {**rows[place], "row": place + 1, "similarity": similarity}
            for place, similarity in neighbours
        ]
        record = prediction_record(engine.labelling, prediction)
        records.append({"text": text, **record, "similar": rounded(examples)})
    if as_json or not sys.stdout.isatty():
        write_whole(map(json_line, records))
        return
    answer = readable(engine)
    for record in records:
        _print(answer, record)


def _print(answer: Any, record: Mapping[str, Any]) -> None:  # noqa: ANN401
    sys.stdout.write(answer({name: record[name] for name in record if name != "similar"}))
    width = max(width_of(sys.stdout), _NARROWEST)
    for example in record["similar"]:
        line = f"  {example['similarity']:.3f}  row {example['row']}  {_label(example['label'])}  "
        print_line(line + cut(printable(" ".join(example["text"].split())), width - len(line)))


def _label(label: object) -> str:
    """Format a label, or several."""
    several = label if isinstance(label, Iterable) and not isinstance(label, str) else [label]
    return ", ".join(map(str, several)) or "none"
