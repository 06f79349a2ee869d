import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wave_network.data import iter_texts, read_dataset
from wave_network.errors import DataError


def refusals(path, said):
    for read in (read_dataset, lambda path: list(iter_texts(path))):
        with pytest.raises(DataError) as caught:
            read(path)
        message = str(caught.value)
        assert str(path) in message
        assert "\n" not in message
        assert re.search(said, message)


def bad_text(kind):
    """A column with bytes that are not UTF-8 in row 2."""
    offsets = np.array([0, 1, 3], np.int64 if kind == pa.large_string() else np.int32)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"a\xff\xfe")]
    return pa.Array.from_buffers(kind, 2, buffers)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("dictionary", [True, False])
def test_texts_that_are_not_utf8(tmp_path, kind, dictionary):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": bad_text(kind), "label": ["x", "y"]})
    pq.write_table(table, path, use_dictionary=dictionary)
    refusals(path, "cannot be read: .*UTF8")


def test_labels_that_are_not_utf8(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "label": bad_text(pa.string())}), path)
    with pytest.raises(DataError, match=r"cannot be read: .*UTF8"):
        read_dataset(path)


@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd"])
def test_damaged_pages(tmp_path, compression):
    path = tmp_path / "a.parquet"
    texts = [f"text {number}" for number in range(2_000)]
    pq.write_table(pa.table({"text": texts, "label": texts}), path, compression=compression)
    content = bytearray(path.read_bytes())
    for place in range(60, 400):
        content[place] ^= 0x5A
    path.write_bytes(content)
    refusals(path, "cannot be read: ")
    path.write_bytes(content[: len(content) // 2])
    refusals(path, "is not a parquet file, or it is damaged")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([["a"], ["b"]], "'text' has list<.*>, not strings"),
        ([{"a": "b"}, {"a": "c"}], "'text' has struct<.*>, not strings"),
        ([[[[["a"]]]], []], "'text' has list<.*>, not strings"),
        ([b"a", b"b"], "'text' has binary, not strings"),
        ([None, None], "'text' has null, not strings"),
    ],
)
def test_nested_and_other_columns(tmp_path, texts, said):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts, "label": ["x", "y"]}), path)
    refusals(path, said)


def test_a_missing_value_is_named_by_its_row(tmp_path):
    path = tmp_path / "a.parquet"
    texts = ["a"] * 2_500 + [None]
    pq.write_table(pa.table({"text": texts, "label": [["x"]] * 2_501}), path)
    refusals(path, "row 2501 has no text")
    labels = [["x"]] * 1_500 + [["x", None]] + [["x"]] * 1_000
    pq.write_table(pa.table({"text": ["a"] * 2_501, "label": labels}), path)
    with pytest.raises(DataError, match="row 1501 has no label"):
        read_dataset(path)


def test_a_column_that_unpacks_to_a_multiple_of_the_file_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    texts = pa.array(["a" * 100_000]).take(pa.array(np.zeros(1_500, np.int32)))
    labels = pa.array(["x"] * 1_500)
    pq.write_table(pa.table({"text": texts.dictionary_encode(), "label": labels}), path)
    assert path.stat().st_size < 1_000_000
    refusals(path, "unpacks to more than 67,108,864 bytes")
