"""One report of all experiments, in Markdown and as a self-contained HTML page."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

from wave_network.errors import extra_needed
from wave_network.experiments.answers import answers
from wave_network.experiments.registry import EXPERIMENTS, get_experiment
from wave_network.experiments.section import Plot, Section, Table
from wave_network.experiments.study import Study
from wave_network.explain.figure import render
from wave_network.persistence.atomic import replacing_file

TITLE: Final = "The Wave Network papers, reproduced"
_INTRODUCTION: Final = """\
Every experiment of *Wave Network: An Ultra-Small Language Model*
([arXiv 2411.02674](https://arxiv.org/abs/2411.02674)) and of *The Backpropagation of the Wave
Network* ([arXiv 2411.06989](https://arxiv.org/abs/2411.06989)), run again: what the paper says,
what was measured, and why they differ. Only the abstract of the second paper was available, so the
protocols of its experiments are ours; each says so.

`wave-network reproduce all` makes this report; `data/` has every measured row. Columns of
the tables show where rows, epochs or seeds are fewer than the paper's."""
_CONDITIONS: Final = {
    "cores": "cores",
    "threads": "threads",
    "gpu": "GPU",
    "system": "system",
    "python": "Python",
    "torch": "torch",
    "wave_network": "wave-network",
}


def write_report(study: Study) -> tuple[Path, Path]:
    """Write `report.md`, `report.html`, the plots, and the rows as CSV, into the study's output.

    The same rows give the same files, to the byte.

    Args:
        study: The measured runs; experiments without runs are named, with the command to run.

    Returns:
        The Markdown file and the HTML file.

    Raises:
        MissingExtraError: If matplotlib or markdown is not installed.
        OutputError: If a run's file is damaged, or a file cannot be written.
    """
    sections: dict[str, Section | None] = {}
    for name in EXPERIMENTS:
        measured = study.write_csv(name) is not None
        sections[name] = get_experiment(name).section(study) if measured else None
    plots = {
        plot.name: render(plot.draw, "svg")
        for section in sections.values()
        if section
        for plot in section.plots
    }
    output = study.options.output
    for name, picture in plots.items():
        _write(output / "plots" / f"{name}.svg", picture.decode())
    markdown = _markdown(study, sections)
    page = _page(markdown, plots)
    _write(output / "report.md", markdown)
    _write(output / "report.html", page)
    return output / "report.md", output / "report.html"


def _markdown(study: Study, sections: Mapping[str, Section | None]) -> str:
    parts = [f"# {TITLE}", _INTRODUCTION, *_conditions(study), *_answers(study)]
    for name, section in sections.items():
        if section is None:
            parts.append(f"## {name.capitalize()}")
            parts.append(f"Not measured yet: `wave-network reproduce {name}`")
        else:
            parts.extend(_section(section))
    return "\n\n".join(parts) + "\n"


def _conditions(study: Study) -> Iterator[str]:
    """A table of the machines and versions, with the experiments that ran on each."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in EXPERIMENTS:
        for one in study.conditions(name):
            cells = tuple(str(one.get(key) or "none") for key in _CONDITIONS)
            experiments = found.setdefault(cells, [])
            if name not in experiments:
                experiments.append(name)
    if not found:
        return
    everywhere = len(found) == 1
    rows = [
        ["all" if everywhere else ", ".join(experiments), *cells]
        for cells, experiments in found.items()
    ]
    yield from _table(Table("Where it was measured.", ["experiments", *_CONDITIONS.values()], rows))


def _answers(study: Study) -> Iterator[str]:
    yield "## In short"
    for question, sentences in answers(study).items():
        yield f"**{question}**"
        yield "\n".join(f"- {sentence}" for sentence in sentences or ["Not measured yet."])


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield f"### What the paper says\n\n{section.paper}"
    yield f"### How it was measured\n\n{section.protocol}"
    if section.tables or section.plots:
        yield "### What was measured"
    for table in section.tables:
        yield from _table(table)
    for plot in section.plots:
        yield from _plot(plot)
    if section.findings:
        yield "### What follows"
        yield "\n".join(f"- {' '.join(finding.split())}" for finding in section.findings)
    yield f"### Why it differs\n\n{section.difference}"


def _table(table: Table) -> Iterator[str]:
    yield table.caption
    rule = ["--:" if _holds_numbers(table, place) else ":--" for place in range(len(table.columns))]
    yield "\n".join(_cells(row) for row in (table.columns, rule, *table.rows))


def _holds_numbers(table: Table, place: int) -> bool:
    """Whether a column is to be aligned to the right."""
    return place > 0 and any(re.match(r"[-+−–~<≤]?\s?\d|–$", row[place]) for row in table.rows)


def _cells(row: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _plot(plot: Plot) -> Iterator[str]:
    plain = re.sub(r"[\[\]*`]", "", plot.caption)  # alternative text of the picture
    yield f"![{plain}](plots/{plot.name}.svg)"
    yield plot.caption


def _page(source: str, plots: Mapping[str, bytes]) -> str:
    """The Markdown as a self-contained HTML page."""
    with extra_needed("papers", "the report"):
        from markdown import Markdown
    converter: Any = Markdown(  # the extension "toc" adds an attribute to it
        extensions=["tables", "toc"], extension_configs={"toc": {"toc_depth": "2-2"}}
    )
    body = converter.convert(source)
    body = _CAPTION_AND_TABLE.sub(
        r'<figure><figcaption>\1</figcaption><div class="scroll">\2</div></figure>', body
    )
    body = _PLOT_AND_CAPTION.sub(partial(_figure, plots), body)
    template = files("wave_network.experiments").joinpath("report.html").read_text("utf-8")
    return Template(template).substitute(title=TITLE, contents=converter.toc, body=body)


_CAPTION_AND_TABLE: Final = re.compile(r"<p>((?:(?!</p>).)*)</p>\s*(<table>.*?</table>)", re.DOTALL)
_PLOT_AND_CAPTION: Final = re.compile(
    r'<p><img alt="([^"]*)" src="plots/([^"]+)\.svg" /></p>\s*<p>(.*?)</p>', re.DOTALL
)


def _figure(plots: Mapping[str, bytes], match: re.Match[str]) -> str:
    description, name, caption = match.groups()
    # As an image of its own: inlined, the plots' ids would collide.
    content = base64.b64encode(plots[name]).decode()
    return (
        f'<figure><div class="scroll"><img alt="{description}" '
        f'src="data:image/svg+xml;base64,{content}"></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _write(path: Path, text: str) -> None:
    with replacing_file(path, overwrite=True) as file:
        file.write(text)
