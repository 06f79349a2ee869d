import io
import json
import os
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wave_network.data.rows import Row, iter_rows, iter_texts
from wave_network.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def refusal(path, **columns):
    with pytest.raises(DataError) as caught:
        list(iter_rows(path, **columns))
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


TWO_ROWS = [Row("good film", "pos"), Row("dull, long", "neg")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\ngood film,pos\n"dull, long",neg\n'),
        ("a.CSV", 'text,label\ngood film,pos\n"dull, long",neg'),
        ("a.tsv", "text\tlabel\ngood film\tpos\ndull, long\tneg\n"),
        ("a.txt", "__label__pos good film\n__label__neg dull, long\n"),
        ("a.txt", "\n__label__pos\t good film\n\n__label__neg dull, long"),
        (
            "a.jsonl",
            '{"text": "good film", "label": "pos"}\n\n{"label": "neg", "text": "dull, long"}\n',
        ),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_format_gives_the_same_rows(write, name, content, line_end, mark):
    path = write(name, mark + content.replace("\n", line_end))
    assert list(iter_rows(path)) == TWO_ROWS
    assert list(iter_rows(str(path))) == TWO_ROWS


def test_csv_keeps_texts_as_they_are(write):
    texts = ["null", "NA", "nan", "", "  spaced  ", 'she said "no"', "one\ntwo", "a\r\nb", "雨 🌧"]
    lines = ["text,label"] + ['"' + text.replace('"', '""') + '",x' for text in texts]
    path = write("a.csv", "\n".join(lines))
    assert [row.text for row in iter_rows(path)] == texts


def test_csv_takes_the_named_columns_among_others(write):
    path = write("a.csv", "id,class,body\n1,x,hello\n2,y,world\n")
    rows = list(iter_rows(path, text_column="body", label_column="class"))
    assert rows == [Row("hello", "x"), Row("world", "y")]


def test_csv_skips_blank_lines(write):
    path = write("a.csv", "\ntext,label\n\na,x\n\n\nb,y\n\n")
    assert [row.text for row in iter_rows(path)] == ["a", "b"]


def test_labels_that_look_like_numbers_stay_strings(write):
    path = write("a.csv", "text,label\na,01\nb,1\nc,null\n")
    assert [row.label for row in iter_rows(path)] == ["01", "1", "null"]


def test_json_labels_keep_their_type(write):
    path = write("a.jsonl", '{"text": "a", "label": 3}\n{"text": "", "label": -1}\n')
    assert list(iter_rows(path)) == [Row("a", 3), Row("", -1)]


def test_fasttext_text_may_be_empty_and_keeps_its_spaces(write):
    path = write("a.txt", "__label__x\n__label__y a  b \n")
    assert list(iter_rows(path)) == [Row("", "x"), Row("a  b ", "y")]


LABEL_LISTS = [Row("cup, final", ["sport", "tv"]), Row("rain", []), Row("goal", ["sport"])]


@pytest.mark.parametrize(
    ("name", "separator", "content"),
    [
        ("a.csv", "|", 'text,label\n"cup, final",sport|tv\nrain,\ngoal,sport\n'),
        ("a.csv", ",", 'text,label\n"cup, final","sport, tv"\nrain," ,"\ngoal,sport\n'),
        ("a.tsv", "; ", "text\tlabel\ncup, final\tsport; tv\nrain\t\ngoal\tsport\n"),
        ("a.txt", None, "__label__sport __label__tv cup, final\nrain\n__label__sport goal\n"),
        (
            "a.jsonl",
            None,
            '{"text": "cup, final", "label": ["sport", "tv"]}\n{"text": "rain", "label": []}\n'
            '{"text": "goal", "label": ["sport"]}\n',
        ),
        (
            "a.jsonl",
            "/",
            '{"text": "cup, final", "label": "sport/tv"}\n{"text": "rain", "label": ""}\n'
            '{"text": "goal", "label": "sport"}\n',
        ),
    ],
)
def test_every_format_may_give_a_text_several_labels_or_none(write, name, separator, content):
    assert list(iter_rows(write(name, content), label_separator=separator)) == LABEL_LISTS


def test_one_line_with_several_labels_makes_all_of_a_fasttext_file_lists(write):
    path = write("a.txt", "__label__x a\n__label__y\t__label__x b\n\n")
    assert list(iter_rows(path)) == [Row("a", ["x"]), Row("b", ["y", "x"])]
    assert list(iter_texts(path)) == ["a", "b", ""]


def test_json_lists_of_integers(write):
    path = write("a.jsonl", '{"text": "a", "label": []}\n{"text": "b", "label": [2, 0]}\n')
    assert [row.label for row in iter_rows(path)] == [[], [2, 0]]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_without_a_label_column_only_texts_are_read(write, name):
    content = {
        "a.csv": "text\nhello\nworld\n",
        "a.tsv": "label\ttext\n\thello\n\tworld\n",
        "a.jsonl": '{"text": "hello", "label": null}\n{"text": "world"}\n',
        "a.txt": "hello\n__label__x world\n",
    }[name]
    path = write(name, content)
    assert list(iter_rows(path, label_column=None)) == [Row("hello", None), Row("world", None)]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt"])
def test_a_text_of_ten_megabytes(write, name):
    text = "word " * 2_000_000
    content = {
        "a.csv": f'text,label\n"{text}",x\n',
        "a.jsonl": json.dumps({"text": text, "label": "x"}),
        "a.txt": f"__label__x {text}",
    }[name]
    assert list(iter_rows(write(name, content))) == [Row(text, "x")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "\n\n", "is empty"),
        ("a.csv", "text,label\n", "has no rows"),
        ("a.jsonl", "", "has no rows"),
        ("a.txt", "\n", "has no rows"),
        ("a.csv", "body,label\na,x\n", "no column 'text', only 'body', 'label'.*with text_column"),
        (
            "a.csv",
            "text,class\na,x\n",
            "no column 'label', only 'text', 'class'.*with label_column",
        ),
        ("a.csv", "text,text,label\na,b,x\n", "several columns 'text'"),
        ("a.csv", "text,label\na,x\nb\n", r"a\.csv:3: the header has 2 columns, this row 1"),
        ("a.csv", "text,label\na, b,x\n", r"a\.csv:2: the header has 2 columns, this row 3"),
        ("a.csv", 'text,label\n"a\nb",x\nb,\n', r"a\.csv:4: no label"),
        ("a.csv", 'text,label\n"a, a",x\n"b,y\nc,z\n', r"a\.csv:3: the row that starts here"),
        (
            "a.csv",
            b"text,label\nok,x\ncaf\xe9,y\n",
            r"a\.csv:3: not UTF-8 \(byte 0xe9\).*encoding='windows-1252'",
        ),
        ("a.csv", b"\xef\xbb\xbfcaf\xe9,label\n", r"a\.csv:1: not UTF-8 \(byte 0xe9\)"),
        ("a.csv", "text,label\na,x\n".encode("utf-16-le"), "probably UTF-16.*'utf-16-le'"),
        ("a.csv", "text,label\na,x\n".encode("utf-16-be"), "probably UTF-16.*'utf-16-be'"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text"\n', r"a\.jsonl:2: not JSON"),
        ("a.jsonl", "[" * 100_000, r"a\.jsonl:1: not JSON"),
        ("a.jsonl", '["a", "x"]\n', r"a\.jsonl:1: a list: put one JSON object"),
        ("a.jsonl", '{"body": "a", "label": "x"}', "no field 'text', only 'body', 'label'"),
        ("a.jsonl", '{"text": "a"}', "no field 'label', only 'text'.*with label_column"),
        ("a.jsonl", '{"text": null, "label": "x"}', "'text' is null, not a string"),
        ("a.jsonl", '{"text": 5, "label": "x"}', "'text' is a number, not a string"),
        ("a.jsonl", '{"text": "\\ud800", "label": "x"}', "half of a surrogate pair"),
        ("a.jsonl", '{"text": "a", "label": ""}', "no label"),
        ("a.jsonl", '{"text": "a", "label": NaN}', "the label is nan"),
        ("a.jsonl", '{"text": "a", "label": 1.5}', "the label is a number with a fraction"),
        ("a.jsonl", '{"text": "a", "label": [["x"]]}', "the label is a list"),
        ("a.jsonl", '{"text": "a", "label": ["x", ""]}', "no label"),
        (
            "a.jsonl",
            '{"text": "a", "label": "x"}\n{"text": "a", "label": []}',
            r"a\.jsonl:2: the label is a list, unlike those before",
        ),
        (
            "a.jsonl",
            '{"text": "a", "label": []}\n{"text": "a", "label": "x"}',
            r"a\.jsonl:2: the label is a string, unlike those before",
        ),
        (
            "a.jsonl",
            '{"text": "a", "label": ["x"]}\n{"text": "a", "label": ["y", 1]}',
            r"a\.jsonl:2: the label is a number, unlike those before",
        ),
        ("a.jsonl", '{"text": "a", "label": {}}', "the label is an object"),
        ("a.jsonl", '{"text": "a", "label": null}', "no label: add a label, or remove the row"),
        ("a.jsonl", f'{{"text": "a", "label": {2**63}}}', "the label is a number"),
        (
            "a.jsonl",
            '{"text": "a", "label": "1"}\n{"text": "a", "label": 1}',
            r"a\.jsonl:2: the label is a number, unlike those before",
        ),
        ("a.txt", "__label__x a\nb\n", r"a\.txt:2: no label: start the line with __label__"),
        ("a.txt", "__label__ a\n", r"a\.txt:1: no label"),
        ("a.txt", "__label__x __label__ a\n", r"a\.txt:1: no label"),
        ("a.txt", "__label__x a __label__y\n", r"a\.txt:1: a label inside the text"),
        ("a.doc", "text,label\na,x\n", r"unknown extension.*\.csv, \.tsv"),
        ("a", "text,label\na,x\n", "unknown extension"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(write, name, content, said):
    assert re.search(said, refusal(write(name, content)))


def test_a_json_label_in_a_string_may_not_be_half_a_character(write):
    path = write("a.jsonl", '{"text": "a", "label": "\\udfff"}')
    assert "half of a surrogate pair" in refusal(path)


def test_long_and_many_column_names_are_shortened(write):
    path = write("a.csv", ",".join(["x" * 500, *map(str, range(50))]) + "\n")
    message = refusal(path)
    assert len(message) < 400 + len(str(path))
    assert "and 41 more" in message


def test_missing_file_names_a_similar_one(write):
    path = write("train.csv", "text,label\na,x\n")
    assert f"did you mean {path}?" in refusal(path.with_name("trian.csv"))
    assert "did you mean" not in refusal(path.with_name("zzz.jsonl"))


def test_missing_folder_and_folder_for_a_file(write):
    path = write("train.csv", "text,label\na,x\n")
    missing = path.parent / "nowhere" / "train.csv"
    assert f"there is no folder {missing.parent}" in refusal(missing)
    assert "is a folder: name one of its files ('train.csv')" in refusal(path.parent)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(write):
    path = write("a.csv", "text,label\na,x\n")
    path.chmod(0)
    assert "cannot be read" in refusal(path)


def test_memory_does_not_grow_with_the_file(write):
    import tracemalloc

    path = write("a.csv", "text,label\n" + f"{'a' * 1_000},x\n" * 20_000)
    tracemalloc.start()
    assert sum(1 for _ in iter_rows(path)) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_texts_of_any_file(write):
    assert list(iter_texts(write("a.csv", "text,label\nhello,x\n"))) == ["hello"]
    assert list(iter_texts(write("b.csv", "body\nhello\n"), text_column="body")) == ["hello"]
    assert list(iter_texts(write("a.txt", "hello\n\n__label__x \n"))) == ["hello", "", ""]


def test_texts_of_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["null", "", "b"] * 200, "other": range(600)}), path)
    assert list(iter_texts(path)) == ["null", "", "b"] * 200
    with pytest.raises(DataError, match=r"no column 'body', only 'text', 'other'"):
        list(iter_texts(path, text_column="body"))


def test_texts_of_standard_input(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO("\ufeffgrüße\r\n\n__label__x a\nlast".encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert list(iter_texts("-")) == ["grüße", "", "__label__x a", "last"]


def test_standard_input_that_is_not_utf8(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ok\n\xff\n")))
    texts = iter_texts("-")
    assert next(texts) == "ok"
    with pytest.raises(DataError, match="standard input:2: not UTF-8"):
        next(texts)


def test_reading_texts_imports_nothing_heavy(write):
    path = write("a.csv", "text,label\nhello,x\n")
    code = (
        "import sys\n"
        "from wave_network.data import iter_texts\n"
        "from wave_network.data.rows import iter_rows\n"
        f"assert list(iter_texts({str(path)!r})) == ['hello']\n"
        "heavy = {'numpy', 'torch', 'datasets', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_parquet_without_pyarrow_names_the_extra(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a"]}), path)
    code = (
        "import sys\n"
        "sys.modules['pyarrow'] = None\n"
        "from wave_network.data import iter_texts\n"
        f"list(iter_texts({str(path)!r}))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert 'reading parquet needs the "parquet" extra' in result.stderr
