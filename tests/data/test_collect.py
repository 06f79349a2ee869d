import os

import pytest

from wave_network.data import collect as module
from wave_network.data import load, read_splits, read_texts
from wave_network.data.rows import Row, iter_rows, iter_texts
from wave_network.data.texts import TextWriter
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
    monkeypatch.setattr(load, "iter_rows", changing(iter_rows, path, content))
    with pytest.raises(DataError, match=r"a\.csv was changed while it was read: start again"):
        read_splits(path)
    write()
    monkeypatch.setattr(load, "iter_texts", changing(iter_texts, path, content))
    with pytest.raises(DataError, match=r"a\.csv was changed while it was read: start again"):
        read_texts(path)


def test_rows_are_collected_a_few_at_a_time(tmp_path, monkeypatch):
    batches = []
    append = TextWriter.append

    def appended(self, texts):
        batches.append(len(texts))
        append(self, texts)

    monkeypatch.setattr(TextWriter, "append", appended)
    monkeypatch.setattr(module, "_CHARACTERS_AT_ONCE", 10_000)
    given = ["a"] * 2_500 + ["b" * 6_000] * 6
    rows = module.collect((Row(text, "x") for text in given), tmp_path)
    assert batches == [1_000, 1_000, 502, 2, 2]
    assert rows["text"][:] == given
    assert set(rows["label"]) == {"x"}
