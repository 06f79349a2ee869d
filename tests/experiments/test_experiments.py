"""The experiments that train: measured once on little data, resumed, and told in the report."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from wave_network.errors import ConfigError, DataError, ModelFolderError
from wave_network.experiments import (
    EXPERIMENTS,
    ablation,
    convergence,
    get_experiment,
    reproduce,
    resources,
)
from wave_network.experiments.accuracy import accuracy_table, difference
from wave_network.experiments.baselines import best_transformer
from wave_network.experiments.statistics import to_hex
from wave_network.experiments.study import Study
from wave_network.experiments.tasks import find_encoder, load_task


def with_options(study, **options):
    return Study(replace(study.options, **options), Console(file=StringIO()))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Less of what the options cannot make less."""
    monkeypatch.setattr(resources, "BATCH_SIZE", 4)
    monkeypatch.setattr(convergence, "EVERY", 1)
    one_of_each = ablation.variants()[::5] + ablation.variants()[-7:]
    chosen = [ablation.REFERENCE, *(v for v in one_of_each if v != ablation.REFERENCE)]
    monkeypatch.setattr(ablation, "variants", lambda: chosen)


@pytest.mark.parametrize("name", ["accuracy", "baselines", "curves", "convergence", "ablation"])
def test_an_experiment_is_measured_once_and_has_a_full_section(study, name):
    if name == "baselines":
        study = with_options(
            study, models=("wave-modulation", "bag", "transformer", "tfidf-bigram")
        )
    experiment = get_experiment(name)
    experiment.measure(study)
    told = study.console.file.getvalue()
    assert told.count(f"{name}: ") >= 2
    section = experiment.section(study)
    assert section.tables
    assert all(len(table.columns) == len(row) for table in section.tables for row in table.rows)
    assert any(table.rows for table in section.tables)
    assert section.plots
    assert section.findings
    assert "nan" not in " ".join(section.findings)
    experiment.measure(study)
    assert study.console.file.getvalue() == told


def test_rows_of_accuracy(study):
    get_experiment("accuracy").measure(with_options(study, seeds=2))
    rows = study.rows("accuracy")
    assert {(row["model"], row["seed"]) for row in rows} == {
        (model, seed) for model in ("wave-modulation", "wave-interference") for seed in (0, 1)
    }
    for row in rows:
        assert row["training_rows"] == 160
        assert row["epochs"] == 1
        assert row["test_rows"] == 80
        assert 0 <= row["test_accuracy"] <= 1
    table = accuracy_table(rows)
    assert [row[4] for row in table.rows] == ["2", "2"]
    assert difference(rows, "wave-modulation", "wave-interference")
    assert difference(rows, "wave-modulation", "bert") is None


def test_the_transformers_best_rate_is_the_one_that_validates_best():
    def row(rate, validation, test, seed=0):
        return {
            "dataset": "ag_news",
            "model": "transformer",
            "training_rows": 100,
            "seed": seed,
            "learning_rate": rate,
            "validation_accuracy": validation,
            "test_accuracy": test,
            "_correct": to_hex([True]),
        }

    rows = [row(1e-3, 0.7, 0.9), row(3e-4, 0.8, 0.6), row(1e-4, 0.75, 0.95), row(3e-4, 0.1, 0.1, 1)]
    chosen = best_transformer(rows)
    best = [found["test_accuracy"] for found in chosen if found["model"].endswith("best rate")]
    assert best == [0.6, 0.1]
    paper = [found["test_accuracy"] for found in chosen if found["model"].endswith("1e-3")]
    assert paper == [0.9]


def test_resources_in_processes_of_their_own(study):
    chosen = with_options(study, models=("wave-modulation", "transformer"))
    get_experiment("resources").measure(chosen)
    rows = {row["model"]: row for row in study.rows("resources")}
    assert set(rows) == {"wave-modulation", "transformer"}
    for row in rows.values():
        assert row["step_seconds"] > 0
        assert row["memory_peak"] > 8 * row["parameters"]  # parameters and gradients at least
        # Parameters and Adam's two moments, four bytes each; tokens that never occur have none.
        assert row["memory_after_step"] == pytest.approx(12 * row["parameters"], rel=0.1)
    assert rows["transformer"]["parameters_beside_embedding"] > 7e6
    assert get_experiment("resources").section(study).tables[0].rows


def test_the_whole_program_on_one_experiment(study):
    markdown, html = reproduce(with_options(study, models=("wave-modulation",)), ["accuracy"])
    said = markdown.read_text(encoding="utf-8")
    assert "wave-modulation" in said
    for name in EXPERIMENTS:
        assert (f"wave-network reproduce {name}" in said) == (name != "accuracy")
    assert html.stat().st_size > 5_000
    assert (study.options.output / "data" / "accuracy.csv").read_text().count("\n") == 2


def test_tasks_are_split_by_the_seed(options):
    first, again, other = (load_task(options, "ag_news", seed) for seed in (0, 0, 1))
    assert len(first.training) == 160
    assert len(first.validation) == 40
    assert first.training.ids.tolist() == again.training.ids.tolist()
    assert first.training.ids.tolist() != other.training.ids.tolist()
    assert first.rows["validation"]["text"][:] == again.rows["validation"]["text"][:]
    assert len(first.rows["test"]) == len(first.test) == 80


def test_a_limit_is_the_same_choice_for_every_seed(options):
    few = replace(options, limit=50)
    first, other = load_task(few, "ag_news", 0), load_task(few, "ag_news", 1)
    texts, others = (
        sorted([*task.rows["training"]["text"], *task.rows["validation"]["text"]])
        for task in (first, other)
    )
    assert texts == others
    assert len(texts) == 50
    assert len(first.test) == 50


def test_what_is_not_there_is_named(options, tmp_path):
    with pytest.raises(DataError, match="no folder imdb"):
        load_task(options, "imdb", 0)
    with pytest.raises(DataError, match="unknown data set nonsense"):
        load_task(replace(options, data_dir=None), "nonsense", 0)
    with pytest.raises(ModelFolderError):
        find_encoder(replace(options, encoder=str(tmp_path / "nowhere")))


def test_unknown_models_are_refused(study):
    with pytest.raises(ConfigError, match="no model wave"):
        reproduce(with_options(study, models=("wave",)), ["accuracy"])
