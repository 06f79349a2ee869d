import os
import subprocess
import sys
from itertools import chain
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.data import column, column_chunks, concatenate, from_memory, texts_from_memory
from wave_network.data.label_column import LabelColumn
from wave_network.data.table import Table
from wave_network.data.texts import Texts
from wave_network.scale import arrays

ROWS = st.lists(st.tuples(st.text(), st.text(max_size=2)), min_size=1, max_size=6)
NAMES = [f"{number} 雨" for number in range(2_500)]


@given(ROWS)
def test_rows_come_back_as_they_were(rows):
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    table = Table(Texts.of(texts), LabelColumn.of(labels), np.arange(len(rows), dtype=np.float64))
    assert table.column_names == ["text", "label", "weight"]
    assert table[:] == {"text": texts, "label": labels, "weight": list(range(len(rows)))}
    assert list(table) == [table[place] for place in range(len(rows))]
    assert table[-1] == {"text": texts[-1], "label": labels[-1], "weight": len(rows) - 1}
    order = np.argsort(texts, kind="stable")
    chosen = table.select(order)
    assert [row["text"] for row in chosen] == sorted(texts)
    assert chosen["weight"].tolist() == order.tolist()
    twice = concatenate([table, chosen])
    assert [*twice] == [*table, *chosen]


def test_columns_are_selected():
    table = from_memory(["a", "b"], ["x", "y"], [2, 3])
    assert table.select_columns(["text", "weight"])[1] == {"text": "b", "weight": 3.0}
    with pytest.raises(KeyError):
        texts_from_memory(["a"]).select_columns(["text", "label"])


@pytest.mark.parametrize("step", [2**64, -(2**64)])
def test_a_slice_has_any_step_that_a_list_takes(step):
    rows = {"text": ["a", "b"], "label": [0, 1]}
    table = from_memory(rows["text"], rows["label"])
    for name, values in rows.items():
        assert table[name][::step] == values[::step]


def test_concatenated_tables_have_the_labels_of_all():
    tables = [from_memory(["a", "b"], labels) for labels in ([["x"], []], [["y", "x"], ["z"]])]
    joined = concatenate(tables)
    assert joined["label"][:] == [["x"], [], ["y", "x"], ["z"]]
    assert concatenate(tables[:1]) is tables[0]


@pytest.mark.parametrize("in_memory", [0, 2**28])
@pytest.mark.parametrize(
    "select",
    [
        lambda rows: rows,
        lambda rows: rows.select([2_499, 0, 7, 7]),
        lambda rows: rows.select(range(1_000, 2_200)),
        lambda rows: rows.select(np.random.default_rng(2).permutation(2_500)).select(range(2_100)),
        lambda rows: rows.select([]),
        lambda rows: concatenate([rows.select(range(2_000)), rows.select([5, 4])]),
    ],
)
def test_a_column_is_read_in_the_order_of_the_rows(select, in_memory, monkeypatch):
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", in_memory)
    labels = LabelColumn.of([[name] for name in NAMES])
    rows = select(Table(Texts.of(NAMES), labels, np.arange(2_500, dtype=np.float64)))
    for name in rows.column_names:
        expected = [row[name] for row in rows]
        chunks = list(column_chunks(rows, name))
        assert list(column(rows, name)) == list(chain.from_iterable(chunks)) == expected
        assert all(0 < len(chunk) <= 1_000 for chunk in chunks)


FILES = {
    "a.csv": "text,label\nsun,warm\nsnow,cold\n",
    "a.jsonl": '{"text": "sun", "label": "warm"}\n{"text": "snow", "label": "cold"}\n',
    "a.txt": "__label__warm sun\n__label__cold snow\n",
}
HEAVY = {"torch", "accelerate", "datasets", "pyarrow", "pandas", "scipy", "sklearn"}


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_ordinary_files_and_lists_need_numpy_alone(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    found = run(f"""
        import sys
        from pathlib import Path
        from wave_network.data import read_splits, read_texts
        from wave_network.data.training_data import training_data_from_memory

        for name in {[*FILES]!r}:
            rows = read_splits(Path({str(tmp_path)!r}, name)).train
            assert rows[:] == {{"text": ["sun", "snow"], "label": ["warm", "cold"]}}, name
            assert len(read_texts(Path({str(tmp_path)!r}, name))) == 2
        data = training_data_from_memory(rows["text"], rows["label"])
        assert data.targets(data.labelling()).tolist() == [1, 0]
        print({HEAVY!r} & {{*sys.modules}} or "none")
    """)
    assert found == "none"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no account of memory")
def test_a_file_is_read_in_less_memory_than_its_size(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("text,label\n")
        for number in range(400):
            file.write(f"{number} {'word ' * 12_000},{number % 2}\n")
    grown = run(f"""
        from pathlib import Path
        from wave_network.data import column, read_splits
        from wave_network.scale import arrays

        arrays.BYTES_IN_MEMORY = 2**21

        def kept():  # without the pages of mapped files, which the system can drop
            status = Path("/proc/self/status").read_text()
            return int(status.split("RssAnon:")[1].split()[0]) // 1024

        rows, before = read_splits("sample").train, kept()
        rows = read_splits({str(path)!r}).train
        after = kept()
        assert max(map(len, column(rows, "text"))) > 60_000
        print(after - before)
    """)
    assert path.stat().st_size > 22 * 2**20
    assert int(grown) < 12
