"""Leaderboards in Markdown from the measured rows.

    python benchmarks/tables.py [--input FILE]

Shows the rows of the commit that was measured last, for each model.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from measure import KINDS, OUTPUT
from records import Records, Row, grouped, newest

GROUP: Final = ("data", "per_class", "model", "threads", "epochs", "max_length", "tokenizer")
"""The columns that rows share if only their seeds differ."""

NOTE: Final = (
    "Mean over the seeds (lowest–highest). Waves, linear: accuracy with the other part silenced"
    " after training. Train MB: peak memory while training, beyond the libraries and the texts."
    " MB: the model on disk. One text: warm, the median. Cold: `wave-network predict` from start to"
    " end."
    " Baselines train on every training text, except model2vec and the autotuned fastText (nine"
    " tenths) and the Transformer layer (four fifths); wave models hold a tenth out (`large` is"
    " then refitted on all texts), `paper` a fifth. fastText predicts, and scikit-learn trains and"
    " predicts, with one thread."
)
FEW_LABELS_NOTE: Final = (
    "Few labels: test accuracy, mean over the draws (lowest–highest), and how many draws; a draw's"
    " seed is the model's. With fewer than 20,000 training texts TF-IDF keeps every feature and"
    " has C = 5 (unigrams 0.5), and fastText makes about 400,000 updates (25 to 400 epochs) from a"
    " learning rate of 1: chosen on training rows (`peer_settings.py`)."
)
_COLUMNS: Final = (
    *("", "model", "seeds", "accuracy", "waves", "linear", "macro F1", "parameters", "MB"),
    *("train s", "train MB", "texts/s", "one text ms", "cold s"),
)
_MEGABYTE: Final = 1_000_000


def main() -> None:
    """Print the leaderboards of everything in the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--input", type=Path, default=OUTPUT)
    rows = Records(parser.parse_args().input, KINDS).read()
    print(leaderboards(newest(rows, GROUP)))


def leaderboards(rows: Sequence[Row]) -> str:
    """For each data set a table of all rows, and one of few labels; the best model first."""
    whole = [row for row in rows if row["per_class"] is None]
    few = [row for row in rows if row["per_class"] is not None]
    tables = [_table(group) for group in grouped(whole, ("data", "threads")).values()]
    tables += [NOTE] if whole else []
    tables += [_few_labels_table(group) for group in grouped(few, ("data", "threads")).values()]
    tables += [FEW_LABELS_NOTE] if few else []
    return "\n\n".join(tables) or "No rows."


def _table(rows: Sequence[Row]) -> str:
    first = rows[0]
    commits = ", ".join(dict.fromkeys(row["commit"] for row in rows))
    lines = [
        f"{first['data']}: {first['train_rows']:,} training and {first['test_rows']:,} test texts,"
        f" {first['classes']} classes; {first['threads']} of {first['cores']} cores,"
        f" {first['machine'] or 'unknown processor'}, {first['memory_gb']} GB memory;"
        f" commit {commits}.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|{''.join(' --- |' if column == 'model' else ' ---: |' for column in _COLUMNS)}",
    ]
    models = grouped(rows, GROUP).values()
    ranked = sorted(models, key=lambda group: -_mean(group, "accuracy"))
    for place, group in enumerate(ranked, start=1):
        cells = (
            str(place),
            _name(group[0]),
            str(len(group)),
            spread(group, "accuracy", ".2%"),
            _mean_cell(group, "waves_accuracy", ".2%"),
            _mean_cell(group, "linear_accuracy", ".2%"),
            spread(group, "macro_f1", ".2%"),
            _mean_cell(group, "parameters", ",.0f"),
            _mean_cell(group, "size_bytes", ",.1f", _MEGABYTE),
            _mean_cell(group, "train_seconds", ".1f"),
            _training_mb(group),
            _mean_cell(group, "texts_per_second", ",.0f"),
            _mean_cell(group, "p50_ms", ".3f"),
            _mean_cell(group, "cold_seconds", ".2f"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _few_labels_table(rows: Sequence[Row]) -> str:
    """A row a model, a column a number of texts of each class."""
    first = rows[0]
    commits = ", ".join(dict.fromkeys(row["commit"] for row in rows))
    amounts = sorted({row["per_class"] for row in rows})
    lines = [
        f"{first['data']}, {first['classes']} classes, {first['test_rows']:,} test texts;"
        f" commit {commits}.",
        "",
        f"| model | {' | '.join(f'{amount:,} a class' for amount in amounts)} |",
        f"| --- |{' ---: |' * len(amounts)}",
    ]
    models = grouped(rows, [name for name in GROUP if name != "per_class"]).values()
    for group in sorted(models, key=lambda group: -_mean(group, "accuracy")):
        cells = []
        for amount in amounts:
            seeds = [row for row in group if row["per_class"] == amount]
            cells.append(f"{spread(seeds, 'accuracy', '.2%')}, {len(seeds)}" if seeds else "–")
        lines.append(f"| {_name(group[0])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(rows: Sequence[Row], column: str, form: str) -> str:
    """The mean, and if they differ the lowest and the highest value."""
    values = [row[column] for row in rows]
    mean, low, high = (format(choose(values), form) for choose in (statistics.mean, min, max))
    return mean if low == high else f"{mean} ({low}–{high})"


def _name(row: Row) -> str:
    extra = [f"{row[key]} {key}" for key in ("epochs", "max_length") if row[key] is not None]
    return ", ".join([row["model"], *extra])


def _training_mb(rows: Sequence[Row]) -> str:
    if any(row["train_mb"] is None for row in rows):
        return "–"
    return format(statistics.mean(row["train_mb"] - row["start_mb"] for row in rows), ",.0f")


def _mean(rows: Sequence[Row], column: str) -> float:
    mean: float = statistics.mean(row[column] for row in rows)
    return mean


def _mean_cell(rows: Sequence[Row], column: str, form: str, unit: int = 1) -> str:
    if any(row[column] is None for row in rows):
        return "–"
    return format(_mean(rows, column) / unit, form)


if __name__ == "__main__":
    main()
