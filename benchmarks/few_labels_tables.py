"""Tables and drawings of the rows of `few_labels.py`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from typing import Final

from plots import draw_amounts
from records import Row, grouped
from tables import spread
from wave_network.explain.figure import render

GROUP: Final = ("data", "per_class", "model")
"""The columns that rows share if only their seeds differ."""

NOTE: Final = (
    "Mean over the draws (lowest–highest). Macro F1 and MB, the model on disk: 64 a class."
    " Archive s: what is learnt from the archive once, before any label. Train s: the rest, with 8"
    " and with 1,000 a class, libraries and pretrained vectors loaded."
)
_MEGABYTE: Final = 1_000_000
_USUAL: Final = 64  # texts of each class, for the columns that need no more than one size


def tables(rows: Sequence[Row]) -> str:
    """A Markdown table a data set: a line a model, the best first."""
    groups = grouped(rows, ("data",)).values()
    return "\n\n".join([*map(_table, groups), NOTE]) if rows else "No rows."


def _table(rows: Sequence[Row]) -> str:
    first = rows[0]
    commits = ", ".join(sorted({row["commit"] for row in rows}))
    amounts = sorted({row["per_class"] for row in rows})
    names = [f"{amount:,} a class" for amount in amounts]
    names += ["macro F1", "archive s", "train s", "MB"]
    lines = [
        f"{first['data']}, {first['classes']} classes, {first['test_rows']:,} test texts;"
        f" commits {commits}.",
        "",
        f"| model | {' | '.join(names)} |",
        f"| --- |{' ---: |' * len(names)}",
    ]
    models = grouped(rows, ("model",)).values()
    for group in sorted(models, key=lambda group: -_average(group)):
        by_amount: dict[int, list[Row]] = {amount: [] for amount in amounts}
        for row in group:
            by_amount[row["per_class"]].append(row)
        usual = by_amount.get(_USUAL, [])
        times = [_mean(by_amount.get(amount, []), "train_seconds", ".1f") for amount in (8, 1_000)]
        cells = [
            *(_accuracy(part) for part in by_amount.values()),
            _mean(usual, "macro_f1", ".1f", 0.01),
            _mean(group, "prepare_seconds", ".1f"),
            ", ".join(times),
            _mean(usual, "size_bytes", ".1f", _MEGABYTE),
        ]
        lines.append(f"| {group[0]['model']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _average(rows: Sequence[Row]) -> float:
    mean: float = statistics.mean(row["accuracy"] for row in rows)
    return mean


def _accuracy(rows: Sequence[Row]) -> str:
    return spread(rows, "accuracy", ".1%").replace("%", "") if rows else "–"


def _mean(rows: Sequence[Row], column: str, form: str, unit: float = 1) -> str:
    """The mean of those that were measured."""
    values = [row[column] for row in rows if row[column] is not None]
    return format(statistics.mean(values) / unit, form) if values else "–"


def draw(rows: Sequence[Row]) -> dict[str, bytes]:
    """SVG files by their names: a data set each, accuracy against the number of texts."""
    return {
        f"few_labels_{data}.svg": render(partial(draw_amounts, group), "svg")
        for (data,), group in grouped(rows, ("data",)).items()
    }
