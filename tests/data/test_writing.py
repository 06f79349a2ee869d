import csv
import json
from pathlib import Path

import pytest

from wave_network.data.writing import format_to_write, write_records
from wave_network.errors import ConfigError, DataError

RECORDS = [
    {"id": "1", "text": 'he said "heron",\ttwice', "label": "a", "score": 0.5, "labels": ["a"]},
    {"id": "", "text": "two\nlines", "label": None, "score": 1.0, "labels": []},
    {"id": "3", "text": "a\rb", "label": "é", "score": 1e-07, "labels": ["é", "a"]},
]


def written(path, records, types=None):
    with path.open("w", encoding="utf-8", newline="\n") as file:
        write_records(file, records, format_to_write(path), types or {})
    return path


def as_cell(value):
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_tables_are_read_as_they_were_written(tmp_path, ending, delimiter):
    path = written(tmp_path / f"out.{ending}", RECORDS)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter=delimiter, strict=True)
    assert header == list(RECORDS[0])
    assert rows == [[as_cell(value) for value in record.values()] for record in RECORDS]


def test_json_is_read_as_it_was_written(tmp_path):
    lines = written(tmp_path / "out.jsonl", RECORDS).read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == RECORDS
    assert written(tmp_path / "out", RECORDS).read_text("utf-8").splitlines() == lines
    assert json.loads(written(tmp_path / "out.JSON", RECORDS).read_text("utf-8")) == RECORDS
    assert json.loads(written(tmp_path / "none.json", []).read_text()) == []


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_no_records_give_a_file_without_rows(tmp_path, ending):
    path = written(tmp_path / f"none.{ending}", iter([]))
    if ending != "parquet":
        assert path.read_bytes() == b""


def test_values_without_a_common_form_are_json_in_a_cell(tmp_path):
    record = {"flag": True, "none": float("nan"), "scores": {"a": 0.5}, "raw": b"x"}
    assert written(tmp_path / "out.csv", [record]).read_text().splitlines() == [
        "flag,none,scores,raw",
        'true,,"{""a"": 0.5}",x',
    ]


def test_a_row_with_other_fields_is_refused_by_tables_alone(tmp_path):
    records = [{"a": 1}, {"a": 2, "b": 3}]
    with pytest.raises(DataError, match=r"row 2 has a field 'b' that .* write to a \.jsonl file"):
        written(tmp_path / "out.csv", records)
    assert len(written(tmp_path / "out.jsonl", records).read_text().splitlines()) == 2
    assert written(tmp_path / "less.csv", records[::-1]).read_text() == "a,b\n2,3\n1,\n"


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv.gz", "out.txt"])
def test_other_endings_are_refused(name):
    with pytest.raises(ConfigError, match=r"must end in one of \.jsonl, \.json, \.csv"):
        format_to_write(Path(name))
