"""What the reference takes from the code is there, and complete."""

import importlib
import sys

import pytest
import typer
from pages import ROOT

import wave_network
from wave_network.cli.app import build_app

PYTHON_PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
DIRECTIVES = [line[4:].strip() for line in PYTHON_PAGE.splitlines() if line.startswith("::: ")]


@pytest.fixture
def hooks(monkeypatch):
    pytest.importorskip("mkdocs")
    pytest.importorskip("latex2mathml")
    monkeypatch.syspath_prepend(str(ROOT / "dev"))
    yield importlib.import_module("mkdocs_hooks")
    del sys.modules["mkdocs_hooks"]


def test_every_public_name_is_in_the_python_reference():
    listed = {directive.rpartition(".")[2] for directive in DIRECTIVES}
    for name in set(wave_network.__all__) - {"__version__"}:
        module = (
            getattr(wave_network, name).__module__
            if name[0].isupper() and name != "PRESETS"
            else ""
        )
        assert name in listed or module in DIRECTIVES, name


@pytest.mark.parametrize("directive", DIRECTIVES)
def test_what_the_python_reference_names_exists(directive):
    try:
        importlib.import_module(directive)
    except ModuleNotFoundError:
        module, _, name = directive.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_the_command_reference_is_what_help_prints(hooks):
    page = hooks.command_reference()
    commands = typer.main.get_command(build_app()).commands
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == list(commands)
    assert "Usage: wave-network train [OPTIONS]" in page
    assert "--log-to TARGET" in page


def test_an_included_page_has_its_formulas_drawn_and_no_dead_links(hooks):
    page = hooks.on_page_markdown("# Maths\n\n<!-- include: src/wave_network/ops/README.md -->\n")
    assert page.startswith("# Maths\n\n")
    assert page.count("<math ") > 50
    assert "$" not in page
    assert "https://arxiv.org/abs/2411.02674" in page
    results = hooks.on_page_markdown("<!-- include: results/README.md -->")
    assert "](../" not in results
    assert "](papers" not in results


def test_the_playground_is_shown_if_it_was_built(hooks, tmp_path, monkeypatch):
    page = "# Home\n\n<!-- playground -->\n\nMore.\n"
    monkeypatch.setattr(hooks, "PLAYGROUND", tmp_path)
    assert hooks.on_page_markdown(page) == "# Home\n\n\n\nMore.\n"
    (tmp_path / "index.html").write_text("<!doctype html>")
    assert 'src="playground/index.html#text=' in hooks.on_page_markdown(page)
