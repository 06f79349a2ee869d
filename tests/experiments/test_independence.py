"""What crosses between dimensions, and correlations before and after training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from wave_network.experiments import independence, tasks
from wave_network.experiments.independence import across_dimensions, correlations, independent
from wave_network.experiments.study import Study


def test_across_dimensions_of_known_maps():
    inputs = (torch.randn(3, 2, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64))
    assert across_dimensions(lambda x, y: x.cumsum(dim=0) * y, inputs) == (0.0, 0.0)
    matrix = torch.tensor([[3.0, -1.0], [0.5, 2.0]], dtype=torch.float64)
    largest, share = across_dimensions(lambda x: x @ matrix, inputs[:1])
    assert largest == 1.0
    assert share == pytest.approx((1 + 0.25) / (9 + 4 + 1 + 0.25))
    # The second input's part counts as well.
    assert across_dimensions(lambda x, y: x + y @ matrix, inputs)[0] == 1.0


def test_waves_alone_keep_the_dimensions_apart():
    rows = {row["mixer"]: row for row in independence._structure()}
    for name in ("wave modulation", "wave interference"):
        assert rows.pop(name)["largest_across"] == 0
    assert len(rows) == 3
    for name, row in rows.items():
        assert row["largest_across"] > 0.05, name
        assert 0.05 < row["share_across"] < 1, name


def test_correlations_of_known_vectors():
    base = np.array([[1.0, 2.0], [2.0, -1.0], [-1.0, 0.5], [0.0, 3.0]])
    same = correlations(np.column_stack([base[:, 0], -3 * base[:, 0] + 1]).astype(np.float32))
    assert same["dimensions"] == pytest.approx(1)
    assert same["tokens"] == pytest.approx(1)  # two dimensions leave one direction after centring
    apart = correlations(np.eye(4, dtype=np.float32))
    assert apart["tokens_cosine"] == 0
    assert apart["tokens"] == pytest.approx(1 / 3)


def test_a_constant_row_or_column_counts_as_independent():
    assert correlations(np.ones((3, 3), np.float32)) == {
        "dimensions": 0,
        "tokens": 0,
        "tokens_cosine": pytest.approx(1),
    }


def test_yardstick_is_what_independent_vectors_have():
    vectors = np.random.default_rng(0).normal(size=(600, 150)).astype(np.float32)
    found = correlations(vectors)
    assert found["dimensions"] == pytest.approx(independent(600), rel=0.03)
    assert found["tokens"] == pytest.approx(independent(150), rel=0.03)
    assert found["tokens_cosine"] == pytest.approx(independent(150), rel=0.03)


def test_measure_and_section(study):
    independence.measure(study)
    rows = [row for row in study.rows("independence") if row["part"] == "statistics"]
    by_model = {row["model"]: row for row in rows}
    assert by_model.keys() == set(independence.MODELS)
    for name, row in by_model.items():
        assert row["width"] == (24 if name == "transformer" else 768)
        assert row["training_rows"] == 160
        assert row["dimensions_after"] != row["dimensions_before"]
        if name.startswith("wave"):
            expected = independent(row["sampled_tokens"])
            assert row["dimensions_before"] == pytest.approx(expected, rel=0.1)
    section = independence.section(study)
    assert [len(table.rows) for table in section.tables] == [5, 3]
    assert len(section.findings) == 4
    assert len(section.plots) == 1


def test_without_an_encoder_the_waves_alone_are_measured(options, study, monkeypatch):
    monkeypatch.setattr(tasks, "find_encoder", lambda options: None)
    monkeypatch.setattr(independence, "TRAINING_TEXTS", 40)
    alone = Study(replace(options, encoder=None, models=("wave-modulation", "transformer")), None)
    alone.console = study.console
    independence.measure(alone)
    rows = [row for row in alone.rows("independence") if row["part"] == "statistics"]
    assert [(row["model"], row["training_rows"]) for row in rows] == [("wave-modulation", 40)]
    assert "no pretrained encoder" in independence.section(alone).protocol
