"""`wave-network evaluate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wave_network.cli.console import note, note_empty, print_json, print_table
from wave_network.cli.options import AsJson, LabelColumn, Model, TextColumn
from wave_network.errors import extra_needed


def evaluate(
    model: Model,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Labelled data, as for train: a file, a folder, hub:OWNER/NAME, or sample, the "
            "bundled news. Where it has several parts, its test part is used.",
        ),
    ],
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled data.

    Reports accuracy, macro F1 (the mean of the classes' F1), loss (mean cross-entropy), the same
    figures for each class, and which classes are taken for which.

    \b
    Examples:
      wave-network evaluate wave-model sample
      wave-network evaluate wave-model test.csv --label-column topic --json
    """
    with extra_needed("train", "evaluating"):
        from wave_network.data import column, encode_labels, read_dataset
        from wave_network.runtime import load
        from wave_network.training.metrics import full_report

    engine = load(model)
    rows, split = read_dataset(data, text_column=text_column, label_column=label_column)
    note(f"evaluating on {len(rows):,} texts: {data} ({split})")
    note_empty(sum(not text.strip() for text in column(rows, "text")), len(rows))
    _, labels = encode_labels(rows["label"], engine.labels)
    report = full_report(engine.predict_proba(column(rows, "text")), labels, engine.labels)
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _print_report(report: dict[str, Any]) -> None:
    print_table(
        f"{report['examples']:,} texts",
        ("accuracy", "macro F1", "loss"),
        [[f"{report[name]:.4f}" for name in ("accuracy", "macro_f1", "loss")]],
    )
    print_table(
        "Per class",
        ("class", "precision", "recall", "F1", "texts"),
        (
            (label, *(f"{row[name]:.4f}" for name in ("precision", "recall", "f1")), row["support"])
            for label, row in report["per_class"].items()
        ),
    )
    confusion = report["confusion"]
    if len(confusion["labels"]) <= 20:
        print_table(
            "Confusion (rows: true, columns: predicted)",
            ("", *(str(label) for label in confusion["labels"])),
            (
                (label, *counts)
                for label, counts in zip(confusion["labels"], confusion["matrix"], strict=True)
            ),
        )
