"""`wave-network evaluate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wave_network.cli.console import (
    log_to_stderr,
    note,
    note_data,
    note_read,
    print_json,
    print_table,
)
from wave_network.cli.options import (
    AsJson,
    Encoding,
    LabelColumn,
    LabelSeparator,
    Model,
    Quoting,
    TextColumn,
    Threads,
    Unseen,
    threaded,
)
from wave_network.errors import ConfigError
from wave_network.evaluation.metric_names import metric_names
from wave_network.progress.stages import tracked


@threaded
def evaluate(
    model: Model,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Labelled data, as for train: a file, a folder, hub:OWNER/NAME, or sample, the "
            "bundled news. The test split is used, if there are several.",
        ),
    ],
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    label_separator: LabelSeparator = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = "auto",
    threshold: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            max=1,
            metavar="P",
            help="Also report how many texts are classified with at least this probability, and "
            "the accuracy on them. May be given several times.",
        ),
    ] = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            metavar="C",
            help="Also report prediction sets of this coverage (see predict): how many contain the "
            "true label, and their mean size.",
        ),
    ] = None,
    unseen: Unseen = "error",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a model on labelled data.

    Reports accuracy, macro F1, loss (mean cross-entropy), calibration (ECE, the expected
    calibration error in 15 bins of equal width, and the Brier score, 0 to 2), precision, recall
    and F1 of each class, and the confusion matrix.

    For multi-label models, reports micro F1, macro F1, subset accuracy (all labels of a text
    right), loss, ECE and Brier score over all labels, and each label's precision, recall, F1 and
    threshold.

    With --unseen count, a label that training never saw is a class of its own, which is always
    wrong; the loss is of the other rows alone.

    \b
    Examples:
      wave-network evaluate wave-model sample
      wave-network evaluate wave-model sample --threshold 0.5 --threshold 0.8 --threshold 0.9
      wave-network evaluate wave-model test.csv --label-column topic --json
    """
    from wave_network.data import column, read_dataset
    from wave_network.data.read import source_of
    from wave_network.data.summary import TextSummary, unseen_note
    from wave_network.data.targets import most_probable
    from wave_network.evaluation.metrics import (
        answered_report,
        prediction_sets_report,
        report_for,
    )
    from wave_network.evaluation.unseen import encode_with_unseen, measured_with_unseen
    from wave_network.runtime import load
    from wave_network.runtime.counting import counted

    log_to_stderr()
    engine = load(model)
    labelling = engine.labelling
    if labelling.multi_label and (threshold or coverage is not None):
        raise ConfigError(
            "--threshold and --coverage are for single-label models: leave them out for this "
            "multi-label model, which has a threshold for each label"
        )
    set_threshold = 0.0 if coverage is None else engine.conformal_threshold(coverage)
    rows, split = read_dataset(
        data,
        text_column=text_column,
        label_column=label_column,
        label_separator=label_separator,
        encoding=encoding,
        quoting=quoting,
    )
    note_data("evaluating on", len(rows), data, split)
    source = source_of(data, split)
    encoded = encode_with_unseen(labelling, rows["label"], unseen, source)
    engine, counts = counted(engine)
    texts = tracked(column(rows, "text"), "predicting", len(rows))
    probabilities = engine.predict_proba(texts)
    read = TextSummary.of(counts, source)
    note_read(read)
    report = measured_with_unseen(report_for, labelling, probabilities, encoded)
    report |= {"truncated": read.truncated(), "data": read.to_dict()}
    if encoded.unseen:
        note(unseen_note(encoded.unseen))
    if threshold:
        labels = most_probable(encoded.targets)
        report["thresholds"] = [answered_report(probabilities, labels, p) for p in threshold]
    if coverage is not None:
        labels = most_probable(encoded.targets)
        report["sets"] = prediction_sets_report(probabilities, labels, coverage, set_threshold)
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _print_report(report: dict[str, Any]) -> None:
    names = {**metric_names(report), "ece": "ECE", "brier": "Brier"}
    print_table(
        f"{report['examples']:,} texts",
        names.values(),
        [[f"{report[name]:.4f}" for name in names]],
    )
    columns = {"precision": "precision", "recall": "recall", "f1": "F1"}
    if "micro_f1" in report:  # of a multi-label model
        columns["threshold"] = "threshold"
    print_table(
        "Per class",
        ("class", *columns.values(), "texts"),
        (
            (label, *(f"{row[name]:.4f}" for name in columns), row["support"])
            for label, row in report["per_class"].items()
        ),
    )
    if "thresholds" in report:
        print_table(
            "Abstaining below a threshold",
            ("threshold", "answered", "accuracy of these"),
            (
                (row["threshold"], f"{row['answered']:.4f}", _metric(row["accuracy"]))
                for row in report["thresholds"]
            ),
        )
    if "sets" in report:
        print_table(
            "Prediction sets",
            ("target coverage", "coverage", "mean size", "empty"),
            [[f"{value:.4f}" for value in report["sets"].values()]],
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


def _metric(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
