"""The rows that are drawn, the memory that is read from the system, and the table."""

import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from wave_network.data import read_splits


def test_rows_are_training_texts_with_words_left_out(tmp_path):
    from larger_than_memory import write

    write("sample", 2_000, tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    rows = pq.read_table(tmp_path / "a.parquet").to_pydict()
    train = read_splits("sample").train
    words = {label: set() for label in set(train["label"])}
    for text, label in zip(train["text"], train["label"], strict=True):
        words[label].update(text.split(" "))
    assert len(rows["text"]) == 2_000
    for text, label in zip(rows["text"], rows["label"], strict=True):
        assert text == "" or words[label].issuperset(text.split(" "))
    before = np.mean([len(text) for text in train["text"]])
    assert np.mean([len(text) for text in rows["text"]]) == pytest.approx(0.9 * before, rel=0.05)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no account of memory")
def test_memory_is_that_of_the_process():
    from larger_than_memory import memory_of

    code = "kept = b'x' * 50_000_000; print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        anon, rss = memory_of(process.pid)
        process.stdin.close()
    assert 50 < anon < 90
    assert rss > anon
    assert memory_of(process.pid) is None


def test_times_are_beside_the_fewest_rows():
    from larger_than_memory import table

    same = {"data": "a", "preset": "small", "threads": 2, "cpu_seconds": 1.0, "rss_mb": 9.0}
    rows = [
        {**same, "rows": 1_000, "seconds": 4.0, "anon_mb": 700.0, "accuracy": 0.9},
        {**same, "rows": 20_000, "seconds": 76.0, "anon_mb": 704.0, "accuracy": None},
    ]
    first, second = table(rows).splitlines()[2:]
    assert first == "| 1,000 | small | 4 | 1 | 1.0 | 1.0 | 700 | 9 | 0.9000 |"
    assert second == "| 20,000 | small | 76 | 1 | 20.0 | 19.0 | 704 | 9 |  |"
