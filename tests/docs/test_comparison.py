"""The tables of features claim nothing that no page shows and no test checks."""

import re

import pytest
from pages import ROOT

TEXT = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
FEATURES, _, CHECKS = TEXT.partition("## How our claims are checked")


def rows_of(text):
    """The cells of the tables' rows, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if row[0] != "feature" and not row[0].startswith("---")]


ROWS = [(re.sub(r" \[\d+\]$", "", row[0]), *row[1:]) for row in rows_of(FEATURES)]
TESTS = dict(rows_of(CHECKS))


def test_the_cells_of_the_other_tools():
    assert len(ROWS) > 30
    (heading,) = {line for line in FEATURES.splitlines() if line.startswith("| feature")}
    for row in ROWS:
        assert len(row) == heading.count("|") - 1, row
        assert set(row[2:]) <= {"yes", "part", "–"}, row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_of_our_claims_names_a_page_and_a_test(row):
    feature, ours, *_ = row
    if ours == "–":
        assert feature not in TESTS
        return
    page = re.fullmatch(r"\[(?:yes|part)\]\(([\w-]+\.md)(?:#[\w-]+)?\)", ours)
    assert page, ours
    assert (ROOT / "docs" / page[1]).is_file()
    test = ROOT / TESTS[feature].strip("`")
    assert "def test_" in test.read_text(encoding="utf-8")


def test_every_test_belongs_to_a_feature():
    assert set(TESTS) <= {feature for feature, *_ in ROWS}


def test_notes_are_numbered_as_they_are_cited():
    cited = [
        int(number) for row in rows_of(FEATURES) for number in re.findall(r"\[(\d+)\]", row[0])
    ]
    notes = re.findall(r"^(\d+)\. ", FEATURES.partition("## Notes")[2], re.MULTILINE)
    assert cited == list(map(int, notes)) == list(range(1, len(cited) + 1))
