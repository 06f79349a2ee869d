import logging

import pytest

from wave_network.data import iter_texts, read_splits
from wave_network.data.rows import Row, iter_rows
from wave_network.errors import DataError

ROWS = [Row("good film", "pos"), Row("dull, long", "neg"), Row("a | b; c", "pos")]


def write(path, delimiter, header=("text", "label"), rows=ROWS, quote=""):
    lines = [header, *((row.text, row.label) for row in rows)]
    path.write_text(
        "".join(delimiter.join(f"{quote}{field}{quote}" for field in line) + "\n" for line in lines)
    )
    return path


@pytest.mark.parametrize(
    ("ending", "delimiter", "name"),
    [
        (".csv", ";", "semicolons"),
        (".csv", "\t", "tabs"),
        (".csv", "|", "vertical bars"),
        (".tsv", ",", "commas"),
        (".tsv", ";", "semicolons"),
    ],
)
def test_other_delimiters_are_found_in_the_header_and_said(
    tmp_path, caplog, ending, delimiter, name
):
    for quote in ("", '"'):
        rows = [row for row in ROWS if quote or delimiter not in row.text]
        path = write(tmp_path / f"a{ending}", delimiter, rows=rows, quote=quote)
        caplog.clear()
        with caplog.at_level(logging.INFO):
            assert list(iter_rows(path)) == rows
        assert caplog.messages == [f"{path}: the columns are separated by {name}"]


@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_nothing_is_said_of_the_ordinary_form(tmp_path, caplog, ending, delimiter):
    path = write(tmp_path / f"a{ending}", delimiter, rows=ROWS[:1], header=("text", "label"))
    with caplog.at_level(logging.INFO):
        assert list(iter_rows(path)) == ROWS[:1]
        assert read_splits(path).train["text"][:] == ["good film"]
    assert caplog.messages == []


def test_a_lone_column_may_hold_other_delimiters(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\na; b\tc | d\n")
    assert list(iter_texts(path)) == ["a; b\tc | d"]


def test_the_delimiter_of_the_ending_is_preferred(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,text;label\na,x,y\n")
    assert list(iter_rows(path)) == [Row("a", "x")]


@pytest.mark.parametrize(
    ("header", "columns"),
    [("body;class", "'body', 'class'"), ("body,class", "'body', 'class'"), ("body", "'body'")],
)
def test_a_header_without_the_columns_is_refused_with_those_it_has(tmp_path, header, columns):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\na,x\n")
    with pytest.raises(DataError, match=f"no column 'text', only {columns}: name the right one"):
        list(iter_rows(path))


def test_a_header_may_be_quoted_and_have_line_breaks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('"text","label\nof it"\n"a","x"\n')
    assert list(iter_rows(path, label_column="label\nof it")) == [Row("a", "x")]
    path.write_text('"text","label"\na" b,x\n')
    assert list(iter_rows(path)) == [Row('a" b', "x")]


def test_the_first_lines_are_bounded(tmp_path):
    import tracemalloc

    path = tmp_path / "a.csv"
    path.write_text("text\n" + ("a" * 500_000 + "\n") * 40)
    tracemalloc.start()
    assert sum(1 for _ in iter_texts(path)) == 40
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000
