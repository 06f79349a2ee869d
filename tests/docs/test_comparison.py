"""The table of features claims nothing that no page shows and no test checks."""

import re

import pytest
from pages import ROOT

TEXT = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
HEAD, _, *ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|")
]


def test_the_cells_of_the_other_tools():
    assert len(ROWS) > 30
    for row in ROWS:
        assert len(row) == len(HEAD), row
        assert set(row[2:]) <= {"yes", "part", "–"}, row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_of_our_claims_names_a_page_and_a_test(row):
    ours = row[1]
    if ours.startswith("–"):
        return
    assert re.match(r"(\*\*yes\*\*|\*part\*)", ours), ours
    (page,) = re.findall(r"\]\(([\w-]+\.md)(?:#[\w-]+)?\)", ours)
    (test,) = re.findall(r"`(tests/[\w/]+\.py)`", ours)
    assert (ROOT / "docs" / page).is_file()
    assert "def test_" in (ROOT / test).read_text(encoding="utf-8")


def test_notes_are_numbered_as_they_are_cited():
    cited = [int(number) for row in ROWS for number in re.findall(r"\[(\d+)\]", row[0])]
    notes = re.findall(r"^(\d+)\. ", TEXT.partition("## Notes")[2], re.MULTILINE)
    assert cited == list(map(int, notes)) == list(range(1, len(cited) + 1))
