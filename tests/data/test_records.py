import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from wave_network.data.records import iter_records
from wave_network.errors import DataError

ROWS = [(1, "cat", "x"), (2, "two\nlines", "")]


def file_of(folder, ending):
    path = folder / f"mail.{ending}"
    if ending in ("csv", "tsv"):
        mark = {"csv": ",", "tsv": "\t"}[ending]
        lines = [("id", "body", "queue"), *((n, f'"{text}"', queue) for n, text, queue in ROWS)]
        path.write_text("".join(mark.join(map(str, line)) + "\n" for line in lines))
    elif ending == "jsonl":
        records = (dict(zip(("id", "body", "queue"), row, strict=True)) for row in ROWS)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        columns = zip(*ROWS, strict=True)
        parquet.write_table(
            pa.table(dict(zip(("id", "body", "queue"), columns, strict=True))), path
        )
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_each_text_has_the_other_columns_in_order(tmp_path, ending):
    kind = str if ending in ("csv", "tsv") else int
    found = list(iter_records(file_of(tmp_path, ending), "body"))
    assert found == [(text, {"id": kind(n), "queue": queue}) for n, text, queue in ROWS]
    assert [list(others) for _, others in found] == [["id", "queue"]] * 2


def test_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("id,text,id\n1,cat,2\n")
    with pytest.raises(DataError, match="several columns 'id': rename all but one"):
        list(iter_records(path))
    table = pa.Table.from_arrays(
        [pa.array(["cat"]), pa.array([1]), pa.array([2])], ["text", "n", "n"]
    )
    parquet.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(DataError, match="several columns 'n'"):
        list(iter_records(tmp_path / "twice.parquet"))


def test_what_has_no_columns_is_refused(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("cat\n")
    for source in (path, "-"):
        with pytest.raises(DataError, match="no columns to keep"):
            iter_records(source)
