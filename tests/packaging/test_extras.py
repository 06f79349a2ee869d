"""The extras that errors and documents name are those that can be installed."""

import ast
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

CHECKOUT = Path(__file__).resolve().parents[2]
EXTRAS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]
DEVELOPMENT = {"docs", "test", "engines", "browser", "check", "bench"}


def of_project(requirement):
    """The extras of this package that a requirement names."""
    found = re.fullmatch(r"wave-network\[(.+)\]", requirement)
    return set(found[1].split(",")) if found else set()


def named_in_code():
    """The extras that a missing one's error can name, with the places."""
    for path in sorted((CHECKOUT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("extra_needed", "MissingExtraError") and node.args:
                (name, *_) = node.args
                if isinstance(name, ast.Constant):
                    yield name.value, path.name


def test_errors_name_extras_that_exist():
    named = list(named_in_code())
    assert len(named) > 5
    assert [each for each in named if each[0] not in EXTRAS] == []


def test_documents_name_extras_that_exist():
    named = set()
    for path in [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for extras in re.findall(r"wave-network\[([a-z,-]+)\]", text):
            named |= set(extras.split(","))
    assert named <= set(EXTRAS)


def test_extras_name_extras_that_exist():
    for requirements in EXTRAS.values():
        for requirement in requirements:
            assert of_project(requirement) <= set(EXTRAS)


def test_all_has_every_extra_but_those_for_development():
    (everything,) = EXTRAS["all"]
    reached = of_project(everything)
    for extra in list(reached):
        for requirement in EXTRAS[extra]:
            reached |= of_project(requirement)
    assert reached == set(EXTRAS) - {"all"} - DEVELOPMENT


@pytest.mark.parametrize(
    ("extra", "packages"),
    [
        ("torch", {"torch", "accelerate"}),
        ("parquet", {"pyarrow"}),
        ("hub", {"datasets"}),
    ],
)
def test_what_training_needed_is_split_by_what_it_is_for(extra, packages):
    assert {re.split(r"[><=~]", text)[0] for text in EXTRAS[extra]} == packages
    assert extra in set().union(*map(of_project, EXTRAS["train"]))
