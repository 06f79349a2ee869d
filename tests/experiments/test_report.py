import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from wave_network.errors import MissingExtraError, OutputError
from wave_network.experiments import EXPERIMENTS, report, waves
from wave_network.experiments.report import write_report
from wave_network.experiments.section import Plot, Section, Table

REQUESTS = ("src", "href", "srcset", "data", "poster", "action")


class Page(HTMLParser):
    """What a page consists of, its links, and the tags that were not closed."""

    def __init__(self, content):
        super().__init__()
        self.open, self.tags, self.links, self.ids, self.text = [], [], [], [], []
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.links += [(tag, name, values[name]) for name in REQUESTS if name in values]
        self.ids += [values["id"]] if "id" in values else []
        if tag not in ("meta", "img", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def store_waves(study):
    """Rows as `waves.measure` stores them, of a model that never was."""
    parts = {"real": 0.6, "imag": 0.8, "second_real": -0.8, "second_imag": 0.6}
    rows = [
        {"place": place, "token": token, "dimension": dimension, **parts, "_title": "A title"}
        for place, token in enumerate(["[CLS]", "niger"])
        for dimension in (7, 3)
    ]
    key = study.key(dataset="ag_news", model="wave-modulation", seed=0)
    return study.once("waves", key, lambda: rows)


def read(study):
    markdown, page = write_report(study)
    assert (markdown.name, page.name) == ("report.md", "report.html")
    return markdown.read_text("utf-8"), page.read_text("utf-8")


def draw(figure):
    figure.add_subplot().plot([1, 2])


@pytest.fixture
def made_up(study, monkeypatch):
    """A study whose first experiment has a section with everything in it."""
    made = Section(
        title="Made up (paper 1, Table 9)",
        paper="The paper says *so*, of ag_news and of `<s>`.",
        protocol="Measured `like this`.",
        difference="It differs since 1 < 2.",
        tables=[
            Table("Both | of them.", ["model", "kind", "value"], [["a|b", "wide", "1.5"]]),
            Table("Nothing yet.", ["model", "value"], []),
        ],
        plots=[Plot("made-up", "Up it `goes` & [up].", draw)],
        findings=["It goes\nup.", "It is *real*."],
    )

    class Experiment:
        def section(self, study):
            return made

    key = {"dataset": "ag_news", "model": "made-up", "seed": 0}
    study.once(EXPERIMENTS[0], key, lambda: [{"training_rows": 9, "value": 1.5}])
    monkeypatch.setattr(report, "get_experiment", lambda name: Experiment())
    return study


def test_an_empty_study_says_of_each_experiment_how_to_measure_it(study):
    markdown, page = read(study)
    for name in EXPERIMENTS:
        assert f"Not measured yet: `wave-network reproduce {name}`" in markdown
        assert f"<code>wave-network reproduce {name}</code>" in page
    assert sorted(path.name for path in study.options.output.iterdir()) == [
        "report.html",
        "report.md",
    ]


def test_what_is_measured_is_shown_and_the_rest_is_named(study):
    store_waves(study)
    markdown, _ = read(study)
    part = waves.section(study)
    assert f"## {part.title}\n\n### What the paper says\n\n{part.paper}\n" in markdown
    assert "| `niger` | 36.0 | 64.0 | 36.9 | 0.0 |" in markdown
    assert all(f"\n- {finding}" in markdown for finding in part.findings)
    assert "wave-network reproduce waves" not in markdown
    assert markdown.count("Not measured yet: ") == len(EXPERIMENTS) - 1


def test_every_section_is_in_its_order(made_up):
    markdown, _ = read(made_up)
    assert re.findall(r"^#+ .*", markdown.partition("## Baselines")[0], re.M)[1:] == [
        "## In short",
        "## Made up (paper 1, Table 9)",
        "### What the paper says",
        "### How it was measured",
        "### What was measured",
        "### What follows",
        "### Why it differs",
    ]
    assert "\n- It goes up.\n- It is *real*.\n" in markdown


def test_numbers_are_aligned_right_and_words_left(made_up):
    markdown, page = read(made_up)
    assert "| model | kind | value |\n| :-- | :-- | --: |\n| a\\|b | wide | 1.5 |\n" in markdown
    assert '<td style="text-align: left;">a|b</td>' in page
    assert '<td style="text-align: right;">1.5</td>' in page


def test_the_page_is_well_formed_and_says_what_the_markdown_says(made_up):
    _, page = read(made_up)
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    text = " ".join(" ".join(parsed.text).split())
    for words in (
        "The paper says so , of ag_news and of <s> .",
        "Up it goes & [up].",
        "since 1 < 2.",
        "a|b",
    ):
        assert words in text
    assert (parsed.tags.count("table"), parsed.tags.count("img")) == (3, 1)
    assert page.count('<div class="scroll">') == 4


def test_the_page_needs_nothing_from_elsewhere(study):
    store_waves(study)
    _, page = read(study)
    parsed = Page(page)
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    for tag, name, value in parsed.links:
        if tag == "a":
            assert value.startswith(("#", "https://arxiv.org/abs/"))
        else:
            assert (tag, name) == ("img", "src")
            assert value.startswith("data:image/svg+xml;base64,")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import", style)
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_the_contents_lead_to_every_experiment(study):
    _, page = read(study)
    parsed = Page(page)
    anchors = [value for _, _, value in parsed.links if value.startswith("#")]
    assert len(anchors) == len(EXPERIMENTS) + 1  # and the questions before them
    assert {anchor.removeprefix("#") for anchor in anchors} <= set(parsed.ids)


def test_every_plot_that_the_markdown_links_is_there(study):
    store_waves(study)
    markdown, _ = read(study)
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", markdown)
    assert links == ["plots/waves-1.svg"]
    for link in links:
        ElementTree.parse(study.options.output / link)


def test_every_measured_row_is_beside_the_report(study):
    rows = store_waves(study)
    write_report(study)
    lines = (study.options.output / "data" / "waves.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + len(rows)
    assert "_title" not in lines[0]


def test_the_same_rows_give_the_same_files(study):
    def contents():
        write_report(study)
        output: Path = study.options.output
        return {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}

    store_waves(study)
    first = contents()
    assert len(first) == 5
    assert contents() == first


def test_the_conditions_name_the_experiments_only_where_they_differ(study, monkeypatch):
    from wave_network.experiments import study as module

    store_waves(study)
    assert "| all | " in read(study)[0]
    monkeypatch.setattr(module, "conditions", lambda: {"cores": 96, "gpu": "NVIDIA H100"})
    study.once("waves", {"seed": 1}, lambda: [])
    study.once("accuracy", {"seed": 1}, lambda: [])
    markdown, _ = read(study)
    assert "| all | " not in markdown
    assert "| accuracy, waves | 96 | none | NVIDIA H100 |" in markdown
    assert re.search(r"\| waves \| \d+ \| 1 \| none \|", markdown)


def test_a_damaged_run_is_an_error_and_the_old_report_stays(study):
    before = read(study)
    store_waves(study)
    (path,) = (study.options.output / "runs" / "waves").iterdir()
    path.write_text("{")
    with pytest.raises(OutputError, match="damaged"):
        write_report(study)
    output = study.options.output
    assert ((output / "report.md").read_text(), (output / "report.html").read_text()) == before


@pytest.mark.parametrize("name", ["markdown", "matplotlib"])
def test_without_a_package_its_extra_is_named(made_up, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"wave-network\[papers\]"):
        write_report(made_up)
    assert not (made_up.options.output / "report.md").exists()
