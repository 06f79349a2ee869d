"""The deletion test's script, on the bundled sample."""

import csv
import sys

import pytest


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_row_for_each_method(sample_model, tmp_path, monkeypatch, capsys, part):
    import faithfulness

    file = tmp_path / "rows.csv"
    monkeypatch.setattr(faithfulness, "TIMED_TEXTS", 8)
    arguments = [str(sample_model), "sample", "--texts", "40", "--part", part, "--csv", str(file)]
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", ["faithfulness.py", *arguments])
        faithfulness.main()
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["method"] for row in rows[:4]] == ["ours", "leave-one-out", "energy", "random"]
    drops = {row["method"]: float(row["drop"]) for row in rows[:4]}
    assert drops["ours"] > 2 * drops["random"]
    assert drops["leave-one-out"] > drops["random"]
    # Chosen by chance, but the same ones every time.
    assert [row["drop"] for row in rows[:4]] == [row["drop"] for row in rows[4:]]
    assert all(row["texts"] == "40" for row in rows)
    assert float(rows[0]["microseconds"]) < float(rows[1]["one_by_one"])
    assert f"| sample, {part} | drop |" in capsys.readouterr().out
