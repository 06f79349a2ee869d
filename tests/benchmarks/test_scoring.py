"""Predicting in parts is measured as it says: rows that are lost, doubled or wrong are found."""

from functools import partial

import pytest
from pyarrow import concat_tables, parquet, table

from wave_network.config import LocalWaveConfig
from wave_network.persistence.folder import write_model


@pytest.fixture
def made(tmp_path, make_files):
    """A model, and parts of 80 rows."""
    from scoring import make_parts

    write_model(tmp_path / "model", make_files(config_class=LocalWaveConfig), card="", history=[])
    parquet.write_table(
        table({"text": ["a b", "c", ""], "label": [0, 1, 0]}), tmp_path / "d.parquet"
    )
    return tmp_path / "model", make_parts(tmp_path / "d.parquet", tmp_path, 80)


def test_rows_are_counted_and_answers_checked(made):
    from scoring import PARTS, counted, kills

    model, parts = made
    assert len(list(parts.iterdir())) == PARTS
    (result,) = kills(model, parts, 80)
    assert (result["of"], result["lost"], result["twice"], result["wrong"]) == (PARTS, 0, 0, 0)
    output = parts.parent / "answers-kills"
    first, second = sorted(output.glob("part-*"))[:2]
    rows = parquet.read_table(first)
    wrong = rows.set_column(rows.column_names.index("score"), "score", [[0.123, 0.123]])
    parquet.write_table(concat_tables([wrong, parquet.read_table(second)]), first)
    assert counted(output, model, 80) == {"lost": 0, "twice": 2, "wrong": 2}
    second.unlink()
    parquet.write_table(rows, first)
    assert counted(output, model, 80) == {"lost": 2, "twice": 0, "wrong": 0}


def test_the_memory_is_drawn():
    from scoring import draw
    from wave_network.explain.figure import render

    seen = [{"seconds": 1.0, "memory_mb": 80.0}, {"seconds": 2.0, "memory_mb": 90.0}]
    assert render(partial(draw, {1: seen, 2: seen}), "svg").startswith(b"<?xml")
