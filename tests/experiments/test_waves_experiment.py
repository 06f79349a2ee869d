from dataclasses import replace

import numpy as np
import pytest

from wave_network.data import read_splits
from wave_network.experiments.waves import NAME, TEXT, measure, section
from wave_network.explain.figure import render


@pytest.fixture
def measured(study):
    measure(study)
    return study


def test_the_text_begins_one_of_the_bundled_texts():
    splits = read_splits("sample")
    assert any(text.startswith(TEXT) for text in [*splits.train["text"], *splits.test["text"]])


def test_there_is_a_row_for_each_token_and_dimension_and_it_is_a_wave(measured):
    rows = measured.rows(NAME)
    dimensions = {row["dimension"] for row in rows}
    tokens = {row["place"]: row["token"] for row in rows}
    assert len(rows) == len(tokens) * len(dimensions)
    assert tokens[0] == "[CLS]"
    for dimension in dimensions:
        column = [row for row in rows if row["dimension"] == dimension]
        for real, imag in (("real", "imag"), ("second_real", "second_imag")):
            u, context = (np.array([row[part] for row in column]) for part in (real, imag))
            np.testing.assert_allclose(u**2 + context**2, (u**2).sum(), rtol=1e-4)


def test_it_is_measured_once(measured):
    rows = measured.rows(NAME)
    measure(measured)
    assert measured.rows(NAME) == rows
    assert measured.console.file.getvalue().count(NAME) == 1


def test_models_that_are_left_out_are_not_trained(study):
    study.options = replace(study.options, models=("bert",))
    measure(study)
    assert study.rows(NAME) == []


def test_the_section_shows_the_figures_of_the_rows(measured):
    rows = measured.rows(NAME)
    part = section(measured)
    (table,) = part.tables
    assert [row[0] for row in table.rows] == [
        f"`{row['token'].strip()}`" for row in rows if row["dimension"] == rows[0]["dimension"]
    ]
    energy = [
        row["real"] ** 2 / (row["real"] ** 2 + row["imag"] ** 2)
        for row in rows
        if row["place"] == 0
    ]
    share = f"{100 * np.mean(energy):.1f}"
    assert table.rows[0][1] == share
    assert part.findings[0].startswith(f"`[CLS]` has {share} % ")
    shares = [float(row[1]) for row in table.rows]
    assert sum(shares) == pytest.approx(100, abs=0.05 * len(shares))
    (plot,) = part.plots
    assert len(render(plot.draw, "svg")) > 50_000


def test_nothing_measured_is_no_tables_and_no_plots(study):
    part = section(study)
    assert [len(part.tables), len(part.plots), len(part.findings)] == [0, 0, 0]
