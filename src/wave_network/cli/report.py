"""`wave-network report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from wave_network.cli.console import (
    log_to_stderr,
    note,
    note_data,
    note_read,
    print_json,
    print_line,
)
from wave_network.cli.options import (
    AsJson,
    Encoding,
    LabelColumn,
    LabelSeparator,
    Model,
    Overwrite,
    Quoting,
    TextColumn,
    Threads,
    Unseen,
    threaded,
)
from wave_network.errors import extra_needed

if TYPE_CHECKING:
    from wave_network.report.content import Content


_METRICS: Final = ("accuracy", "micro_f1", "macro_f1", "loss", "ece", "brier", "examples")


@threaded
def report(
    model: Model,
    data: Annotated[
        str,
        typer.Option(
            metavar="DATA",
            help="Labelled texts that the model was not trained on, as for evaluate: a file, a "
            "folder, hub:OWNER/NAME, or sample. The test split is used, if there are several.",
        ),
    ],
    training: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="The training data, to find duplicates between it and the test data. The train "
            "split is used, if there are several.",
        ),
    ] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    label_separator: LabelSeparator = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    unseen: Unseen = "error",
    threads: Threads = None,
    output: Annotated[Path, typer.Option(metavar="FILE", help="The web page to write.")] = Path(
        "report.html"
    ),
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a report on a model as a web page.

    The page is one self-contained file: metrics, training curves, confusion matrix, metrics per
    class, calibration, the most confident errors with explanations, probable label errors,
    duplicates between training and test data, accuracy by text length and class size, speed and
    size. For multi-label models it adds thresholds, and labels missed or wrongly predicted
    together.

    \b
    Examples:
      wave-network report wave-model --data sample --training sample
      wave-network report wave-model --data test.csv --label-column topic --output topics.html
    """
    from wave_network.persistence.atomic import check_new, replacing_file
    from wave_network.persistence.folder import read_model
    from wave_network.persistence.paths import check_apart

    with extra_needed("report", "the report"):
        from wave_network.data import read_dataset
        from wave_network.data.read import source_of
        from wave_network.data.summary import unseen_note
        from wave_network.report.content import measure
        from wave_network.report.page import html_page

    check_apart({"output": output}, {"data": data, "training": training})
    log_to_stderr()
    check_new(output, overwrite=overwrite)
    read_model(model)  # report a damaged model before reading large data
    columns: dict[str, Any] = {
        "text_column": text_column,
        "label_column": label_column,
        "label_separator": label_separator,
        "encoding": encoding,
        "quoting": quoting,
    }
    log_to_stderr()
    rows, split = read_dataset(data, **columns)
    note_data("reporting on", len(rows), data, split)
    training_rows = None
    if training is not None:
        order = ("train", "validation", "test")
        training_rows, training_split = read_dataset(training, order, **columns)
        note_data("comparing with", len(training_rows), training, training_split)
        training = _name(training, training_split)
    source = source_of(data, split)
    content = measure(model, rows, training_rows, unseen=unseen, source=source)
    note_read(content.read)
    if content.unseen:
        note(unseen_note(content.unseen))
    page = html_page(content, model=model, data=_name(data, split), training=training)
    with replacing_file(output, overwrite=overwrite) as file:
        file.write(page)
    if as_json:
        print_json(_result(content, output))
    else:
        print_line(output)


def _name(data: str, split: str) -> str:
    """Name the data, with the split that is used unless it is a single file."""
    return split if Path(data).name == split else f"{data} ({split})"


def _result(content: Content, output: Path) -> dict[str, Any]:
    overlap, cardinality = content.overlap, content.cardinality
    return {
        "report": str(output),
        **{name: content.metrics[name] for name in _METRICS if name in content.metrics},
        "cardinality": cardinality and cardinality._asdict(),
        "texts_per_second": content.speed.texts_per_second,
        "label_errors": content.mistakes.label_error_count,
        "truncated": content.read.truncated(),
        "data": content.read.to_dict(),
        **({"unseen": content.unseen} if content.unseen else {}),
        "duplicates": overlap and {"exact": overlap.exact, "near": overlap.near},
    }
