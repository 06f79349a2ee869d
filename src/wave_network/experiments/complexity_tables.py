"""The tables, findings and plots of the report's part on complexity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from wave_network.experiments.costs import (
    BATCH_TEXTS,
    FIRST,
    FUSED,
    LENGTH,
    TEXTBOOK,
    WAVE,
    WIDTH,
)
from wave_network.experiments.section import Plot, Table
from wave_network.experiments.study import Row, grouped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONG: Final = 256
"""With shorter texts fixed costs dominate, so these say nothing about growth."""

_COMPARED: Final = {
    WAVE: ("transformer", FUSED, FIRST, "bert"),
    TEXTBOOK: ("transformer", FUSED, FIRST),
    f"{WAVE}, mixing": ("transformer, mixing",),
}
_MEASURES: Final = {
    "flops": "FLOPs",
    "elementwise": "elementwise operations",
    "bytes": "bytes kept",
    "parameters": "parameters",
}
_FORMULAS: Final = (
    (
        WAVE,
        "4 d² (D + P + T) + 2 T d c",
        "6 N d + 12 T d",
        "(3 D + 2 P + 9 T) d + 2 T",
        "V d + 4 d² + 5 d + c (d + 1)",
    ),
    (
        TEXTBOOK,
        "8 N d² + 2 T d c",
        "26 N d + T d",
        "9 N d + 2 N + T d",
        "V d + 4 d² + 5 d + c (d + 1)",
    ),
    (
        "transformer",
        "T (24 n d² + 4 n² d + 2 d c)",
        "–",
        "T (25 n d + 3 h n² + 4 n)",
        "V d + 12 d² + 13 d + c (d + 1)",
    ),
    (
        FUSED,
        "T (24 n d² + 4 n² d + 2 d c)",
        "–",
        "T (17 n d + (h + 5) n)",
        "as transformer",
    ),
    (
        FIRST,
        "T (24 d² + 4 h n d + 2 d c)",
        "–",
        "T ((n + 2 h + 20) d + 3 h n + h + 4)",
        "as transformer",
    ),
    (
        "bert",
        "T (L (24 n d² + 4 n² d) + 2 d c)",
        "–",
        "T (L (18 n d + 3 h n² + 4 n) + 2 n d + 2 n + 2 d)",
        "(V + 516) d + L (12 d² + 13 d) + c (d + 1)",
    ),
)


def tables(rows: Sequence[Row]) -> list[Table]:
    """The formulas, how exactly they hold, and what was measured beside them."""
    return [
        _formula_table(),
        _agreement_table(rows),
        _size_table(rows, "length", f"By length, {WIDTH} wide"),
        _size_table(rows, "width", f"By width, {LENGTH} tokens"),
        _growth_table(rows),
        _crossing_table(rows),
        _batch_table(rows),
    ]


def plots(rows: Sequence[Row]) -> list[Plot]:
    """The times by length and width, for each device."""
    return [
        plot
        for (device,), group in grouped(rows, ("device",)).items()
        for plot in _plots(device, group)
    ]


def findings(rows: Sequence[Row]) -> list[str]:
    """What follows, in sentences."""
    return [*_agreement_findings(rows), *_growth_findings(rows), *_batch_findings(rows)]


def growth(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent by which values grow with sizes: the slope of their logarithms.

    Args:
        sizes: At least two, positive.
        values: As many, positive.
    """
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def crossing(sizes: Sequence[int], first: Sequence[float], second: Sequence[float]) -> float | None:
    """The size from which the second costs more than the first, up to the largest size.

    Between two sizes the ratio is taken to grow as a power of the size.

    Returns:
        The size; the smallest one if the second always costs more; None if it does not at the end.
    """
    ratios = np.log(second) - np.log(first)
    if ratios[-1] <= 0:
        return None
    below = np.flatnonzero(ratios <= 0)
    if not len(below):
        return float(sizes[0])
    last = int(below[-1])
    share = -ratios[last] / (ratios[last + 1] - ratios[last])
    logs = np.log(sizes)
    return float(np.exp(logs[last] + share * (logs[last + 1] - logs[last])))


def _of(rows: Sequence[Row], *parts: str) -> list[Row]:
    return [row for row in rows if row["part"] in parts]


def _timed(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if "seconds" in row]


def _formula_table() -> Table:
    return Table(
        caption=(
            "Forward pass of a batch of N tokens in T texts, D of them distinct, P in the longest; "
            "n tokens a text, d wide, V in the vocabulary, c classes, h heads, L layers. A number "
            "kept is 4 bytes; indices, 8 bytes each, are counted too and left out here."
        ),
        columns=(
            "model",
            *("FLOPs of matrix products", "elementwise operations"),
            *("numbers kept for the backward pass", "parameters"),
        ),
        rows=_FORMULAS,
    )


def deviation(rows: Sequence[Row], measure_name: str) -> float | None:
    """The largest relative difference between count and formula.

    Args:
        rows: Of any part; those without a count or a formula are left out.
        measure_name: `flops`, `elementwise`, `bytes` or `parameters`.
    """
    differences: list[float] = [
        abs(row[measure_name] / row[f"{measure_name}_predicted"] - 1)
        for row in rows
        if row.get(measure_name) is not None and row.get(f"{measure_name}_predicted")
    ]
    return max(differences, default=None)


def _agreement_table(rows: Sequence[Row]) -> Table:
    cells = []
    for (device, model), group in _by_model(rows).items():
        found = [deviation(group, name) for name in _MEASURES]
        cells.append((model, device, str(len(_timed(group))), *map(_exactness, found)))
    return Table(
        caption="The largest relative difference between formula and count, over all sizes.",
        columns=("model", "device", "sizes", *_MEASURES.values()),
        rows=cells,
    )


def _exactness(found: float | None) -> str:
    if found is None:
        return "–"
    return "exact" if found == 0 else f"{100 * found:.2g} %"


def _by_model(rows: Sequence[Row]) -> Mapping[tuple[str, ...], list[Row]]:
    return grouped(_of(rows, "length", "width"), ("device", "model"))


def _size_table(rows: Sequence[Row], part: str, caption: str) -> Table:
    models = list(dict.fromkeys(row["model"] for row in _of(rows, part)))
    cells = []
    for (device, size), group in sorted(grouped(_of(rows, part), ("device", part)).items()):
        by_model = {row["model"]: row for row in group}
        cells.append(
            (
                f"{size:,}",
                device,
                *(_size_cell(by_model[name]) if name in by_model else "–" for name in models),
            )
        )
    return Table(
        caption=f"{caption}: GFLOP forward / MiB kept / ms forward and backward; "
        "GFLOP alone where nothing was measured.",
        columns=(part, "device", *models),
        rows=cells,
    )


def _size_cell(row: Row) -> str:
    flops = f"{row['flops_predicted'] / 1e9:.3g}"
    if "seconds" not in row:
        return flops
    return f"{flops} / {row['bytes'] / 2**20:,.1f} / {1000 * row['seconds']:,.1f}"


def _growth_table(rows: Sequence[Row]) -> Table:
    cells = []
    groups = grouped(_of(rows, "length", "mixing"), ("device", "model"))
    for (device, model), group in groups.items():
        timed = [row for row in _timed(group) if row["length"] >= _LONG]
        if len(timed) < 2:
            continue
        lengths = [row["length"] for row in timed]
        times = [row["seconds"] for row in timed]
        flops = [row["flops_predicted"] for row in timed if "flops_predicted" in row]
        cells.append(
            (
                model,
                device,
                f"{lengths[0]:,}–{lengths[-1]:,}",
                f"{growth(lengths, times):.2f}",
                f"{growth(lengths[-2:], times[-2:]):.2f}",
                f"{growth(lengths, flops):.2f}" if flops else "–",
            )
        )
    return Table(
        caption=(
            f"Growth with the length n: the exponent of n that fits best, from {_LONG} tokens on."
        ),
        columns=("model", "device", "tokens", "time", "time, last doubling", "FLOPs"),
        rows=cells,
    )


def _crossing_table(rows: Sequence[Row]) -> Table:
    """From which length on each form of attention costs more than each form of waves."""
    cells = []
    for (device,), group in grouped(_of(rows, "length", "mixing"), ("device",)).items():
        by_model = {model: part for (model,), part in grouped(group, ("model",)).items()}
        for wave, others in _COMPARED.items():
            for other in others:
                if {wave, other} <= by_model.keys():
                    found = [
                        _crossing_cell(by_model[wave], by_model[other], column)
                        for column in ("flops_predicted", "bytes_predicted", "seconds")
                    ]
                    cells.append((other, wave, device, *found))
    return Table(
        caption=(
            "From which length on attention costs more than waves (tokens of one text; between two "
            "lengths interpolated), and how many times as much at the longest length compared."
        ),
        columns=("attention", "waves", "device", "FLOPs", "bytes kept", "time"),
        rows=cells,
    )


def _crossing_cell(waves: Sequence[Row], others: Sequence[Row], column: str) -> str:
    first, second = (
        {row["length"]: row[column] for row in rows if row.get(column)} for rows in (waves, others)
    )
    sizes = sorted(first.keys() & second.keys())
    if len(sizes) < 2:
        return "–"
    costs = [first[size] for size in sizes], [second[size] for size in sizes]
    found, times = crossing(sizes, *costs), costs[1][-1] / costs[0][-1]
    at_the_end = f"{times:,.0f}" if times >= 10 else f"{times:.2g}"
    at_the_end += f" times at {sizes[-1]:,}"
    if found is None:
        return f"never: {at_the_end}"
    return f"{'always' if found == sizes[0] else f'from {found:,.0f}'}: {at_the_end}"


def _batch_table(rows: Sequence[Row]) -> Table:
    return Table(
        caption=(
            f"A batch of {BATCH_TEXTS} texts of {LENGTH} tokens that repeat as words do (Zipf's "
            f"law), {WIDTH} wide: what sharing equal tokens and places saves."
        ),
        columns=(
            *("model", "distinct tokens", "GFLOP forward", "counted"),
            *("MiB kept", "measured"),
        ),
        rows=[
            (
                row["model"],
                f"{row['distinct']:,} of {row['texts'] * row['length']:,}",
                f"{row['flops_predicted'] / 1e9:,.1f}",
                f"{row['flops'] / 1e9:,.1f}" if "flops" in row else "–",
                f"{row['bytes_predicted'] / 2**20:,.0f}",
                f"{row['bytes'] / 2**20:,.0f}" if "bytes" in row else "–",
            )
            for row in _of(rows, "batch")
        ],
    )


def _agreement_findings(rows: Sequence[Row]) -> Iterator[str]:
    for name, words in _MEASURES.items():
        known = {
            f"{model} ({device})": found
            for (device, model), group in _by_model(rows).items()
            if (found := deviation(group, name)) is not None
        }
        if not known:
            continue
        exact = [model for model, value in known.items() if value == 0]
        others = [f"{model} {100 * value:.2g} %" for model, value in known.items() if value]
        parts = [f"exactly as counted for {', '.join(exact)}"] if exact else []
        parts += [f"off by at most {', '.join(others)}"] if others else []
        yield f"{words[0].upper()}{words[1:]} by formula: {'; '.join(parts)}."


def _growth_findings(rows: Sequence[Row]) -> Iterator[str]:
    for model, device, tokens, time, last, flops in _growth_table(rows).rows:
        beside = "" if flops == "–" else f"; its FLOPs as n^{flops}"
        yield (
            f"{model} ({device}): time grows as n^{time} over {tokens} tokens (n^{last} in the "
            f"last doubling){beside}."
        )


def _batch_findings(rows: Sequence[Row]) -> Iterator[str]:
    by_model = {row["model"]: row for row in _of(rows, "batch")}
    for other in (TEXTBOOK, "transformer", "bert"):
        if {WAVE, other} <= by_model.keys():
            flops, kept = (
                by_model[other][f"{name}_predicted"] / by_model[WAVE][f"{name}_predicted"]
                for name in ("flops", "bytes")
            )
            yield (
                f"Batch of {BATCH_TEXTS}: {other} takes {flops:.1f} times the FLOPs of {WAVE} and "
                f"keeps {kept:.1f} times the bytes."
            )


def _plots(device: str, rows: Sequence[Row]) -> Iterator[Plot]:
    for part, size in (("length", "length"), ("width", "width"), ("mixing", "length")):
        timed = _timed(_of(rows, part))
        if timed:
            other = "" if part == "mixing" else "; dashed: predicted from the FLOPs"
            yield Plot(
                f"complexity-{part}-{device}",
                f"Forward and backward by {size} ({part}, {device}){other}.",
                partial(_draw, timed, size),
            )


def _draw(rows: Sequence[Row], size: str, figure: Figure) -> None:
    from wave_network.experiments.plots import line_plot

    series: dict[str, tuple[list[float], list[float]]] = {}
    dashed = []
    for (model,), group in grouped(rows, ("model",)).items():
        sizes = [row[size] for row in group]
        series[model] = (sizes, [1000 * row["seconds"] for row in group])
        last = group[-1]
        if "flops_predicted" in last:
            rate = 1000 * last["seconds"] / last["flops_predicted"]
            name = f"{model}, predicted"
            series[name] = (sizes, [rate * row["flops_predicted"] for row in group])
            dashed.append(name)
    line_plot(figure, series, xlabel=size, ylabel="ms", log_x=True, log_y=True, dashed=dashed)
