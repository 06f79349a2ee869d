"""Render a report as a self-contained web page, without scripts, for screens and paper."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wave_network._version import __version__
from wave_network.config import Label
from wave_network.explain.render import TOKEN_STYLE, html_text, visible
from wave_network.report.content import Content
from wave_network.report.drawings import curve, reliability_diagram
from wave_network.report.duplicates import SIMILAR
from wave_network.report.mistakes import EXAMPLES, MOST_CLASSES
from wave_network.runtime.explanation import Explanation

_LONGEST_LABEL: Final = 60


def html_page(content: Content, *, model: str, data: str, training: str | None = None) -> str:
    """Render a report.

    Args:
        content: The content of the report.
        model: The model's name, for the title.
        data: The name of the data.
        training: The name of the training data, if it was given.
    """
    several = content.cardinality is not None
    environment = Environment(
        loader=PackageLoader("wave_network.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "visible": visible,
        "name": _name,
        "bytes": _bytes,
    }
    template = environment.get_template("multi_label_page.html" if several else "page.html")
    return template.render(
        content=content,
        model=model,
        data=data,
        training=training,
        version=__version__,
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        token_style=Markup(TOKEN_STYLE),
        curves={
            name: Markup(drawing)
            for name in ("loss", "accuracy")
            if (drawing := curve(content.history, name))
        },
        diagram=Markup(reliability_diagram(content.reliability, of_labels=several)),
        confusion=_confusion(content.metrics) if "confusion" in content.metrics else None,
        explained=_explained,
        examples=EXAMPLES,
        similar=SIMILAR,
    )


def _confusion(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the confusion matrix of the classes with the most texts, in the model's order."""
    labels, matrix = metrics["confusion"]["labels"], metrics["confusion"]["matrix"]
    sizes = [sum(row) for row in matrix]
    largest = sorted(range(len(labels)), key=lambda place: (-sizes[place], place))
    places = sorted(largest[:MOST_CLASSES])
    rows = []
    for row in places:
        counts = [matrix[row][place] for place in places]
        total = max(sizes[row], 1)
        rows.append(
            {
                "label": labels[row],
                "cells": [
                    {"count": count, "share": count / total, "right": place == row}
                    for place, count in zip(places, counts, strict=True)
                ],
                "others": sizes[row] - sum(counts),
            }
        )
    return {
        "labels": [labels[place] for place in places],
        "rows": rows,
        "left_out": len(labels) - len(places),
    }


def _explained(explanation: Explanation) -> Markup:
    return Markup(html_text(explanation))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _name(label: Label) -> str:
    """Shorten a label to fit into a table."""
    text = visible(str(label))
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
