"""The report's plots: SVG within the page; the page's style sets the colours, light or dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final, NamedTuple

from wave_network.report.reliability import Bin

_WIDTH: Final = 400
_HEIGHT: Final = 240
_LEFT: Final = 46
_RIGHT: Final = 388
_TOP: Final = 12
_BOTTOM: Final = 198
_MOST_MARKED: Final = 30

Points = Sequence[tuple[float, float]]


class _Scale(NamedTuple):
    """Maps values to coordinates."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def curve(history: Iterable[Mapping[str, Any]], measure: str) -> str:
    """Draw a training and validation metric by epoch.

    Args:
        history: One record per epoch.
        measure: `loss` or `accuracy`.

    Returns:
        An SVG element; empty if there is nothing to draw.
    """
    lines: dict[str, list[tuple[float, float]]] = {"training": [], "validation": []}
    for record in history:
        validation = record.get("validation")
        values = {
            "training": record.get(f"train_{measure}"),
            "validation": validation.get(measure) if isinstance(validation, Mapping) else None,
        }
        epoch = record.get("epoch")
        for name, value in values.items():
            if _is_number(epoch) and _is_number(value):
                lines[name].append((float(epoch), float(value)))  # type: ignore[arg-type]
    points = [point for line in lines.values() for point in line]
    if not points:
        return ""
    epochs, values_ = [x for x, _ in points], [y for _, y in points]
    x = _Scale(min(epochs), max(max(epochs), min(epochs) + 1), _LEFT + 8, _RIGHT - 8)
    low, high = min(values_), max(values_)
    margin = 0.05 * (high - low) or 0.05
    y = _Scale(low - margin, high + margin, _BOTTOM, _TOP)
    x_ticks = [tick for tick in _ticks(x.low, x.high, 6) if tick.is_integer()]
    parts = [_axes(x, y, x_ticks, _ticks(y.low, y.high, 5), "epoch")]
    parts += [_line(name, [(x(a), y(b)) for a, b in line]) for name, line in lines.items() if line]
    described = "; ".join(
        f"{name} from {line[0][1]:.3g} to {line[-1][1]:.3g}" for name, line in lines.items() if line
    )
    return _svg(parts, f"{measure} by epoch: {described}")


def reliability_diagram(bins: Iterable[Bin], *, of_labels: bool = False) -> str:
    """Draw the accuracy of predictions by their probability, beside the diagonal.

    Args:
        bins: The predictions, by their probability.
        of_labels: Whether each prediction is a yes or no for one label of a multi-label model.
    """
    item, share = ("label", "share of texts with it") if of_labels else ("prediction", "accuracy")
    x, y = _Scale(0, 1, _LEFT, _RIGHT), _Scale(0, 1, _BOTTOM, _TOP)
    ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    parts = [_axes(x, y, ticks, ticks, f"probability of the {item}")]
    shown = list(bins)
    for one in shown:
        title = (
            f"{one.low:.2f} to {one.high:.2f}: {one.texts} {item}s, mean probability "
            f"{one.confidence:.3f}, {share} {one.accuracy:.3f}"
        )
        parts.append(
            f'<rect class="bar" x="{x(one.low) + 1}" y="{y(one.accuracy)}" '
            f'width="{x(one.high) - x(one.low) - 2:.1f}" '
            f'height="{_BOTTOM - y(one.accuracy):.1f}"><title>{title}</title></rect>'
        )
    parts.append(f'<line class="ideal" x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}"/>')
    parts += [
        f'<circle class="point" cx="{x(one.confidence)}" cy="{y(one.accuracy)}" r="3"/>'
        for one in shown
    ]
    return _svg(parts, f"Reliability diagram: {share} by probability, as in the table beside it")


def _is_number(value: object) -> bool:
    """Return whether a value of a history, which may come from anywhere, is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers between two values."""
    exact = (high - low) / about
    power = 10.0 ** math.floor(math.log10(exact))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= exact * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _axes(
    x: _Scale, y: _Scale, x_ticks: Iterable[float], y_ticks: Iterable[float], label: str
) -> str:
    parts = [
        f'<line class="grid" x1="{_LEFT}" y1="{y(tick)}" x2="{_RIGHT}" y2="{y(tick)}"/>'
        f'<text x="{_LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:.4g}</text>'
        for tick in y_ticks
    ]
    parts += [
        f'<text x="{x(tick)}" y="{_BOTTOM + 16}" text-anchor="middle">{tick:.4g}</text>'
        for tick in x_ticks
    ]
    parts.append(
        f'<line class="axis" x1="{_LEFT}" y1="{_BOTTOM}" x2="{_RIGHT}" y2="{_BOTTOM}"/>'
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_BOTTOM + 34}" text-anchor="middle">'
        f"{escape(label)}</text>"
    )
    return "".join(parts)


def _line(name: str, places: Points) -> str:
    path = " ".join(f"{a},{b}" for a, b in places)
    marks = places if len(places) <= _MOST_MARKED else ()
    dots = "".join(f'<circle cx="{a}" cy="{b}" r="3"/>' for a, b in marks)
    return f'<g class="{name}"><polyline points="{path}"/>{dots}</g>'


def _svg(parts: Iterable[str], description: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(description)}">'
        f"{''.join(parts)}</svg>"
    )
