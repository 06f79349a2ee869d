"""The answers to "Where is ...?" in CONTRIBUTING.md name what exists."""

import ast
import re

import pytest
from pages import ROOT

SECTION = "## Where is ...?"
ROW = re.compile(r"^\| (?P<question>.+?) \| (?P<files>`.+?) \| (?P<names>`.+?) \|$", re.MULTILINE)


def answers():
    """Question, files and names of each row of the table."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition(SECTION)[2].partition("\n## ")[0]
    return [
        (
            row["question"],
            *(re.findall(r"`(.+?)`(?: \(.*?\))?", row[part]) for part in ("files", "names")),
        )
        for row in ROW.finditer(section)
    ]


def defined(nodes, prefix=""):
    """The names that a file defines: at its top level, and in its classes."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from defined(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield prefix + node.target.id
        elif isinstance(node, ast.Try):
            yield from (
                alias.asname
                for statement in node.body
                if isinstance(statement, ast.Import | ast.ImportFrom)
                for alias in statement.names
                if alias.asname
            )


def names_in(file):
    """The names that a file of the repository or of the package defines."""
    (path,) = (p for p in (ROOT / file, ROOT / "src" / "wave_network" / file) if p.is_file())
    return set(defined(ast.parse(path.read_text(encoding="utf-8")).body))


def test_twenty_questions_are_answered():
    assert len(answers()) == 20


@pytest.mark.parametrize(
    ("files", "names"), [pytest.param(files, names, id=q) for q, files, names in answers()]
)
def test_the_files_and_names_exist(files, names):
    assert len(names) == len(files)
    for file, name in zip(files, names, strict=True):
        assert name in names_in(file)


@pytest.mark.parametrize("name", ["no_such_name", "Engine.no_such_name", "_probabilities"])
def test_a_name_that_a_file_lacks_is_found_out(name):
    assert name not in names_in("runtime/engine.py")
