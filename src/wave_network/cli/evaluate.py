"""`wave-network evaluate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wave_network.cli.console import note, print_json, print_table


def evaluate(
    model: Annotated[str, typer.Argument(help="A model folder, or hub:OWNER/NAME.")],
    data: Annotated[
        str,
        typer.Argument(
            help="Labelled data, as for train; of a folder, hub: or sample, the test part if "
            "there is one."
        ),
    ],
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column of the labels.")] = "label",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Measure a model on labelled data: accuracy, macro F1, loss, per class, confusion.

    \b
    Examples:
      wave-network evaluate wave-model sample
      wave-network evaluate wave-model test.csv --label-column topic --json
    """
    from wave_network.data import column, encode_labels, read_dataset
    from wave_network.runtime import load
    from wave_network.training.metrics import full_report

    engine = load(model)
    rows, split = read_dataset(data, text_column=text_column, label_column=label_column)
    note(f"evaluating on {len(rows):,} texts: {data} ({split})")
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
