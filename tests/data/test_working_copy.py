import os

import pytest

from wave_network.data import arrow, read_splits, read_texts
from wave_network.data import working_copy as module
from wave_network.data.rows import iter_rows, iter_texts
from wave_network.errors import DataError


def changing(read, path, content):
    """The reader, and a change of the file after its first row."""

    def read_and_change(*arguments, **options):
        rows = read(*arguments, **options)
        yield next(rows)
        path.write_text(content)
        yield from rows

    return read_and_change


@pytest.mark.parametrize("content", ["", "text,label\na,1\nb,2\n", "text,label\n" + "c,x\n" * 9])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, content):
    path = tmp_path / "a.csv"

    def write():
        path.write_text("text,label\na,x\nb,y\n")
        os.utime(path, (1, 1))

    write()
    monkeypatch.setattr(arrow, "iter_rows", changing(iter_rows, path, content))
    with pytest.raises(DataError, match=r"a\.csv was changed while it was read: start again"):
        read_splits(path)
    write()
    monkeypatch.setattr(arrow, "iter_texts", changing(iter_texts, path, content))
    with pytest.raises(DataError, match=r"a\.csv was changed while it was read: start again"):
        read_texts(path)


def test_batches_are_bounded_in_rows_and_characters(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CHARACTERS_AT_ONCE", 10_000)
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "a,x\n" * 2_500 + ("b" * 6_000 + ",x\n") * 6)
    rows = read_splits(path).train
    assert [chunk.num_rows for chunk in rows.data.to_batches()] == [1_000, 1_000, 502, 2, 2]
    assert rows["text"][2_499:2_501] == ["a", "b" * 6_000]


def test_a_copy_that_failed_is_removed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,x\nb\n")
    before = set(os.listdir(module._temporary_root()))
    with pytest.raises(DataError):
        read_splits(path)
    assert set(os.listdir(module._temporary_root())) == before
