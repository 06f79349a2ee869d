from datetime import date
from io import BytesIO

import pyarrow as pa
import pytest
from pyarrow import parquet

from wave_network.data import parquet_writing
from wave_network.data.parquet_writing import type_of, write_parquet
from wave_network.errors import DataError


def table(names, rows, types=None):
    file = BytesIO()
    write_parquet(file, names, rows, types or {})
    return parquet.read_table(BytesIO(file.getvalue()))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None], pa.string()),
        ([1, None], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([True], pa.bool_()),
        ([None], pa.string()),
        ([["a"], []], pa.list_(pa.string())),
        ([[], None], pa.string()),
        ([date(2020, 1, 2)], pa.date32()),
        ([1, "a"], pa.string()),
        ([{"a": 1}], pa.string()),
        ([[{"a": 1}]], pa.string()),
        ([2**80], pa.string()),
        (["\ud800"], pa.string()),
    ],
)
def test_types_that_values_have_in_common(values, kind):
    assert type_of(values) == kind


def test_columns_of_strings_take_everything():
    found = table(["x"], [["a"], [1], [{"b": 2}], [None], ["\ud800"]])
    assert found["x"].to_pylist() == ["a", "1", '{"b": 2}', None, "\\ud800"]


def test_given_types_hold(monkeypatch):
    monkeypatch.setattr(parquet_writing, "_ROWS_AT_ONCE", 2)
    rows = [[None, 1], [None, 2], [3, 3]]
    found = table(["label", "id"], rows, {"label": pa.int64(), "id": pa.int8()})
    assert found.schema.types == [pa.int64(), pa.int8()]
    assert found.to_pydict() == {"label": [None, None, 3], "id": [1, 2, 3]}


def test_long_texts_make_small_row_groups(monkeypatch):
    monkeypatch.setattr(parquet_writing, "_CHARACTERS_AT_ONCE", 10)
    file = BytesIO()
    write_parquet(file, ["text"], [["x" * 6]] * 5, {})
    assert parquet.ParquetFile(BytesIO(file.getvalue())).num_row_groups == 3


def test_a_later_value_of_another_type_is_refused(monkeypatch):
    monkeypatch.setattr(parquet_writing, "_ROWS_AT_ONCE", 1)
    with pytest.raises(
        DataError, match="column 'x' is int64 in the first rows, and not in a later"
    ):
        table(["x"], [[1], ["a"]])
