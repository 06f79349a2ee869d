import numpy as np
import pytest

from wave_network.data.cached_rows import rows_through
from wave_network.data.label_column import LabelColumn
from wave_network.data.table import Table
from wave_network.data.texts import Texts
from wave_network.errors import DataError
from wave_network.scale.cache import Cache

TEXTS = Texts.of(["雨 fell", "", "sun"])
TABLES = {
    "texts": Table(TEXTS),
    "strings": Table(TEXTS, LabelColumn.of(["a", "b", "a"])),
    "integers": Table(TEXTS, LabelColumn.of([3, -1, 2**62])),
    "booleans": Table(TEXTS, LabelColumn.of([True, False, True])),
    "floats": Table(TEXTS, LabelColumn.of([1.0, 2.0, 1.0])),
    "lists": Table(TEXTS, LabelColumn.of([["a", "b"], [], ["b"]])),
    "weights": Table(TEXTS, LabelColumn.of(["a", "b", "a"]), np.array([0.1, 2.0, 3.0])),
}


@pytest.mark.parametrize("kind", TABLES)
def test_rows_come_back_as_they_were(kind, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("some data")
    loads = [lambda: TABLES[kind], lambda: pytest.fail("they are read again")]
    for load in loads:
        cache = Cache(tmp_path / "kept")
        rows = rows_through(cache, path, "how", load)
        assert rows.column_names == TABLES[kind].column_names
        assert rows[:] == TABLES[kind][:]
        if kind != "texts":
            assert list(map(type, rows["label"])) == list(map(type, TABLES[kind]["label"]))
    assert cache.reused > 0
    rows_through(cache, path, "another way", lambda: TABLES[kind])
    assert cache.written > 0


def test_rows_of_a_file_that_changes_meanwhile_are_not_kept(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("some data")

    def load():
        path.write_text("other data")
        return TABLES["strings"]

    with pytest.raises(DataError, match="was changed while it was read"):
        rows_through(Cache(tmp_path / "kept"), path, "how", load)
    assert not (tmp_path / "kept").exists()


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv cannot be read"):
        rows_through(Cache(tmp_path / "kept"), tmp_path / "a.csv", "how", lambda: TABLES["texts"])
