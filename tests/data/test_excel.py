import datetime
import gzip
import logging
import subprocess
import sys
import zipfile

import pytest
from openpyxl import Workbook

from wave_network.data import iter_texts, read_dataset, read_splits
from wave_network.errors import DataError


def write(path, *rows, sheets=1):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for number in range(1, sheets):
        book.create_sheet(f"more {number}")
    book.save(path)
    return path


def refusal(path):
    with pytest.raises(DataError) as caught:
        read_splits(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_the_first_sheet_is_read_and_named_where_there_are_several(tmp_path, caplog):
    rows = [("id", "text", "label"), (1, "grün\nund gut", "x"), (2, None, "y"), (3, "c", "x")]
    path = write(tmp_path / "a.xlsx", *rows, sheets=3)
    with caplog.at_level(logging.INFO):
        dataset, name = read_dataset(path)
    assert caplog.messages == [f"{path}: the first of 3 sheets is read, 'Sheet'"]
    assert (dataset["text"][:], name) == (["grün\nund gut", "", "c"], "a.xlsx")
    assert dataset["label"][:] == ["x", "y", "x"]


def test_cells_become_text(tmp_path):
    day = datetime.date(2024, 5, 1)
    cells = [7, 7.0, 1.5, True, day, "=1+1", " a "]
    path = write(tmp_path / "a.xlsx", ["text"], *([cell] for cell in cells))
    texts = ["7", "7", "1.5", "TRUE", "2024-05-01 00:00:00", " a "]
    assert list(iter_texts(path)) == texts  # a formula that was never computed has no value


def test_whole_numbers_are_integer_labels_and_blank_rows_are_skipped(tmp_path):
    rows = [("text", "label", None), ("a", 1), (None, None), ("b", 0.0), (None, None)]
    path = write(tmp_path / "a.xlsx", *rows)
    assert read_splits(path).train["label"][:] == [1, 0]
    (tmp_path / "b.xlsx.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_splits(tmp_path / "b.xlsx.gz").train["label"][:] == [1, 0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "is empty: the first row must name the columns"),
        ([("text", "label")], "has no rows"),
        ([("body", "label"), ("a", "x")], "no column 'text', only 'body', 'label'"),
        ([("text", "label"), ("a", None)], "a.xlsx:2: no label"),
        ([("text", "label"), ("a", "x"), ("b", "y", "z")], "a.xlsx:3: there is a cell beyond"),
    ],
)
def test_sheets_that_cannot_be_used(tmp_path, rows, said):
    assert said in refusal(write(tmp_path / "a.xlsx", *rows))


def test_what_is_no_workbook(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_text("text,label\na,x\n")
    assert "is not an Excel workbook (.xlsx), or it is damaged" in refusal(path)
    whole = write(tmp_path / "b.xlsx", ["text"], ["a"]).read_bytes()
    path.write_bytes(whole[:-200])
    assert "or it is damaged" in refusal(path)


def edited(path, member, content):
    """Replace a file in a workbook."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in members.items():
            archive.writestr(name, content if name == member else held)
    return path


SHEET = "xl/worksheets/sheet1.xml"
START = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


def test_hostile_sheets_end_soon(tmp_path):
    path = write(tmp_path / "a.xlsx", ["text"], ["a"])
    rows = b'<row r="1"><c t="str"><v>text</v></c></row><row r="999999999999"><c><v>1</v></c></row>'
    edited(path, SHEET, START + rows + b"</sheetData></worksheet>")
    with pytest.raises(DataError, match="has more than 1,048,576 rows"):
        list(iter_texts(path))
    edited(path, SHEET, START + b" " * 80_000_000 + b"</sheetData></worksheet>")
    with pytest.raises(DataError, match="unpacks to more than 67,108,864 bytes"):
        list(iter_texts(path))


def test_a_missing_library_names_the_extra(tmp_path):
    path = write(tmp_path / "a.xlsx", ["text"], ["a"])
    code = (
        "import sys\n"
        "sys.modules['openpyxl'] = None\n"
        "from wave_network.data import iter_texts\n"
        f"list(iter_texts({str(path)!r}))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert 'reading .xlsx needs the "excel" extra' in result.stderr
