"""Leaderboards in Markdown from the measured rows.

    python benchmarks/tables.py [--input FILE]

Of each model the rows of the commit that was measured last are shown.
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
"""The columns that make rows seeds of one thing."""

NOTE: Final = (
    "Mean over the seeds (lowest–highest). Train MB: the most held while training beyond the"
    " libraries and the texts. MB: the model on disk. One text: warm, the median. Cold:"
    " `wave-network predict` from its start to its end. Baselines train on every training text,"
    " but model2vec and the autotuned fastText on nine tenths and the Transformer layer on four"
    " fifths; wave models hold a tenth out (`large` then learns again from all), `paper` a fifth."
    " fastText predicts, and scikit-learn trains and predicts, with one thread."
)
_MEGABYTE: Final = 1_000_000


def main() -> None:
    """Print the leaderboards of everything in the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--input", type=Path, default=OUTPUT)
    rows = Records(parser.parse_args().input, KINDS).read()
    print(leaderboards(newest(rows, GROUP)))


def leaderboards(rows: Sequence[Row]) -> str:
    """A table for each data set and amount of data, the most accurate model first."""
    tables = [_table(group) for group in grouped(rows, ("data", "per_class", "threads")).values()]
    return "\n\n".join([*tables, NOTE]) if tables else "No rows."


def _table(rows: Sequence[Row]) -> str:
    first = rows[0]
    commits = ", ".join(dict.fromkeys(row["commit"] for row in rows))
    amount = f"{first['train_rows']:,}"
    if first["per_class"] is not None:
        amount += f" ({first['per_class']} a class, drawn by the seed)"
    lines = [
        f"{first['data']}: {amount} training and {first['test_rows']:,} test texts,"
        f" {first['classes']} classes; {first['threads']} of {first['cores']} cores,"
        f" {first['machine'] or 'unknown processor'}, {first['memory_gb']} GB memory;"
        f" commit {commits}.",
        "",
        "| | model | seeds | accuracy | macro F1 | parameters | MB | train s | train MB"
        " | texts/s | one text ms | cold s |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    models = grouped(rows, GROUP).values()
    ranked = sorted(models, key=lambda group: -_mean(group, "accuracy"))
    for place, group in enumerate(ranked, start=1):
        cells = (
            str(place),
            _name(group[0]),
            str(len(group)),
            spread(group, "accuracy", ".2%"),
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
