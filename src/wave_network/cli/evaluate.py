"""`wave-network evaluate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wave_network.cli.console import note, note_empty, print_json, print_table
from wave_network.cli.options import AsJson, LabelColumn, LabelSeparator, Model, TextColumn
from wave_network.errors import extra_needed
from wave_network.figures import figure_names


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
    label_separator: LabelSeparator = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled data.

    Reports accuracy, macro F1 (the mean of the classes' F1), loss (mean cross-entropy), the same
    figures for each class, and which classes are taken for which. Where a text may have any
    number of labels: micro F1, macro F1, subset accuracy (every label of a text right), loss (the
    labels' cross-entropies added up) and the figures of each label.

    \b
    Examples:
      wave-network evaluate wave-model sample
      wave-network evaluate wave-model test.csv --label-column topic --json
    """
    with extra_needed("train", "evaluating"):
        from wave_network.data import column, read_dataset
        from wave_network.data.label_sets import encode_targets
        from wave_network.runtime import load
        from wave_network.training.metrics import report_for

    engine = load(model)
    rows, split = read_dataset(
        data,
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
    )
    note(f"evaluating on {len(rows):,} texts: {data} ({split})")
    note_empty(sum(not text.strip() for text in column(rows, "text")), len(rows))
    config = engine.config
    targets = encode_targets(rows["label"], config.labels, multi_label=config.is_multi_label)
    report = report_for(config, engine.predict_proba(column(rows, "text")), targets)
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _print_report(report: dict[str, Any]) -> None:
    names = figure_names(report)
    print_table(
        f"{report['examples']:,} texts",
        names.values(),
        [[f"{report[name]:.4f}" for name in names]],
    )
    columns = {"precision": "precision", "recall": "recall", "f1": "F1"}
    if "confusion" not in report:
        columns["threshold"] = "threshold"
    print_table(
        "Per class",
        ("class", *columns.values(), "texts"),
        (
            (label, *(f"{row[name]:.4f}" for name in columns), row["support"])
            for label, row in report["per_class"].items()
        ),
    )
    confusion = report.get("confusion")
    if confusion and len(confusion["labels"]) <= 20:
        print_table(
            "Confusion (rows: true, columns: predicted)",
            ("", *(str(label) for label in confusion["labels"])),
            (
                (label, *counts)
                for label, counts in zip(confusion["labels"], confusion["matrix"], strict=True)
            ),
        )
