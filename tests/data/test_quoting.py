import csv
import io
import logging
import random

import pytest

from wave_network.data.read_options import ReadOptions
from wave_network.data.rows import Row, iter_rows, iter_texts
from wave_network.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write_file


def read(path, quoting="auto"):
    return list(iter_rows(path, options=ReadOptions(quoting=quoting)))


def refusal(path, quoting="auto"):
    with pytest.raises(DataError) as caught:
        read(path, quoting)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def titles(rows, delimiter):
    return "".join(f"{text}{delimiter}{label}\n" for text, label in [("text", "label"), *rows])


@pytest.mark.parametrize(("ending", "delimiter"), [(".tsv", "\t"), (".csv", ",")])
@pytest.mark.parametrize("last", [281, 25, 23, 22])
def test_two_unrelated_marks_do_not_swallow_the_rows_between(
    write, caplog, ending, delimiter, last
):
    rows = [[f"title {number}", "ab"[number % 2]] for number in range(2, 302)]
    rows[19][0] = '"' + rows[19][0]  # row 21
    rows[last - 2][0] += ' 55"'
    with caplog.at_level(logging.INFO):
        found = read(write(f"a{ending}", titles(rows, delimiter)))
    assert found == [Row(*row) for row in rows]
    assert 'a quotation mark (") is an ordinary character here, as line 21 shows' in caplog.text


@pytest.mark.parametrize(("ending", "delimiter"), [(".tsv", "\t"), (".csv", ",")])
@pytest.mark.parametrize(
    "text", ['"Foo" bar', '"Foo', '"', '"" and "" ', '55"', '"a" and "b', ' "a"', '"a"b"']
)
def test_a_mark_may_stand_anywhere_where_fields_are_not_quoted(write, ending, delimiter, text):
    rows = [("one", "x"), (text, "y"), ('say "two"', "x")]
    assert read(write(f"a{ending}", titles(rows, delimiter))) == [Row(*row) for row in rows]


@pytest.mark.parametrize("quote", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize(("ending", "delimiter"), [(".tsv", "\t"), (".csv", ",")])
def test_consistently_quoted_files_are_read_as_the_csv_module_does(
    tmp_path, ending, delimiter, quote
):
    pieces = ['"', "a", "\n", ",", "\t", " ", "\r\n", "雨", "''", ";", "b c", "\r"]
    for seed in range(60):
        chance = random.Random(seed)
        rows = [
            ("".join(chance.choices(pieces, k=chance.randrange(1, 9))), chance.choice("xyz"))
            for _ in range(chance.randrange(1, 30))
        ]
        path = tmp_path / f"a{ending}"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, quoting=quote)
            writer.writerows([("text", "label"), *rows])
        # A file without a comma or a line break in a text may be read either way.
        plain = all('"' not in text and "\n" not in text for text, _ in rows)
        quoting = "auto" if plain or quote != csv.QUOTE_MINIMAL else "csv"
        assert read(path, quoting) == [Row(*row) for row in rows]
        with path.open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file, delimiter=delimiter))[1:] == [list(row) for row in rows]


def test_prose_over_many_lines_is_one_text(write):
    prose = "\n".join(["Dear all,", "", "first, second", "no comma", "and, so, on"] * 30)
    rows = [(prose, "x"), ("short, text", "y")] * 3
    stream = io.StringIO()
    csv.writer(stream).writerows([("text", "label"), *rows])
    assert read(write("a.csv", stream.getvalue())) == [Row(*row) for row in rows]


def test_an_unclosed_mark_among_quoted_rows_is_an_error_that_names_its_line(write):
    rows = ['"one, two",x', *['"a",x', "b,y"] * 9, '"swallowed,x', *["b,y"] * 40, 'c",y', "d,x"]
    message = refusal(write("a.csv", "\n".join(["text,label", *rows])))
    assert "a.csv:21: the quoted text that starts here has 42 lines that look like rows" in message
    assert "give quoting='none'" in message
    assert len(read(tmp := write("a.csv", "\n".join(["text,label", *rows])), "csv")) == 21, tmp


def test_a_lone_column_with_marks_over_many_lines_is_an_error(write):
    path = write("a.csv", 'text\n"a\n' + "title\n" * 200 + 'b"\nc\n')
    with pytest.raises(
        DataError, match=r"a\.csv:2: the quoted text that starts here has 202 lines"
    ):
        list(iter_texts(path))
    assert len(list(iter_texts(path, quoting="csv"))) == 2
    assert len(list(iter_texts(path, quoting="none"))) == 203


def test_a_lone_column_may_have_quoted_line_breaks(write):
    assert list(iter_texts(write("a.csv", 'text\n"a\nb"\nc\n'))) == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("quoting", "expected"), [("none", ['"a"', 'b"']), ("csv", ["a", 'b"']), ("auto", ["a", 'b"'])]
)
def test_the_option_decides(write, quoting, expected):
    path = write("a.csv", 'text,label\n"a",x\nb",y\n')
    assert [row.text for row in read(path, quoting)] == expected


def test_the_reading_that_breaks_later_is_the_one_meant(write):
    literal = ['"a" b,x', *["c,y"] * 9, "d, e,x"]
    message = refusal(write("a.csv", "\n".join(["text,label", *literal])))
    assert "a.csv:12: the header has 2 columns, this row 3" in message
    assert "as line 2 breaks the format of quoted fields" in message
    quoted = ['"a, b",x', *["c,y"] * 9, '"d" e,x']
    message = refusal(write("a.csv", "\n".join(["text,label", *quoted])))
    assert "a.csv:12: the row that starts here breaks the format" in message


@pytest.mark.parametrize(("ending", "delimiter"), [(".tsv", "\t"), (".csv", ",")])
@pytest.mark.parametrize("wrong", ['"a "quoted" word"', '"not closed', '"closed" early'])
def test_a_wrong_row_among_quoted_rows_is_an_error(write, ending, delimiter, wrong):
    rows = [[f'"text {number}"', "ab"[number % 2]] for number in range(30)]
    rows[20][0] = wrong
    message = refusal(write(f"a{ending}", titles(rows, delimiter)))
    assert f"a{ending}:22: the row that starts here breaks the format" in message
    rows = [[row[0].strip('"'), row[1]] for row in rows]  # few quotes, but written by a csv writer
    rows[5][0], rows[20][0] = '"say ""no"""', wrong
    message = refusal(write(f"a{ending}", titles(rows, delimiter)))
    assert f"a{ending}:22: the row that starts here breaks the format" in message


def test_a_file_is_not_held_in_memory_to_decide(write):
    import tracemalloc

    path = write("a.csv", "text,label\n" + f'{"a" * 1_000} 5",x\n' * 5_000 + '"b" c,x\n')
    tracemalloc.start()
    assert sum(1 for _ in iter_rows(path)) == 5_001
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_500_000
