"""Every command with texts that may have any number of labels."""

import json
from dataclasses import replace

import pytest
from cli_helpers import rows_of_label_lists, write_csv

from wave_network import load
from wave_network.config import PRESETS

QUICK = ("--preset", "tiny", "--epochs", 20, "--batch-size", 8, "--learning-rate", 0.01)
SPLIT = ("--label-separator", "|")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "both.csv", rows_of_label_lists())


@pytest.fixture(scope="module")
def model(tmp_path_factory, data):
    """A model of the labels `animal` and `colour`, of which a text has any number."""
    from wave_network import WaveClassifier

    folder = tmp_path_factory.mktemp("both") / "model"
    rows = rows_of_label_lists()
    labels = [[label for label in joined.split("|") if label] for _, joined in rows]
    classifier = WaveClassifier("tiny", epochs=20, batch_size=8, learning_rate=0.01, device="cpu")
    classifier.fit([text for text, _ in rows], labels).save(folder)
    return folder


def test_train_reads_joined_labels_and_tells_the_figures_of_label_lists(invoke, data, tmp_path):
    ended = invoke("train", data, *SPLIT, *QUICK, "--test", data, "--output", "m", "--json")
    assert ended.code == 0, ended.err
    (summary,) = ended.lines
    figures = {"accuracy", "micro_f1", "macro_f1", "loss", "ece", "brier"}
    assert set(summary["validation"]) == set(summary["test"]) == figures
    assert summary["test"]["micro_f1"] > 0.9
    assert "validation micro F1" in ended.err
    assert load(tmp_path / "m").config.is_multi_label
    ended = invoke("train", data, *SPLIT, *QUICK, "--output", "m", "--overwrite")
    assert "subset accuracy" in ended.out


def test_evaluate(invoke, model, data):
    (report,) = invoke("evaluate", model, data, *SPLIT, "--json").lines
    figures = ["accuracy", "micro_f1", "macro_f1", "loss", "ece", "brier"]
    assert list(report) == [*figures, "per_class", "examples", "truncated", "data"]
    assert report["micro_f1"] > 0.9
    assert report["examples"] == 60
    assert list(report["per_class"]) == ["animal", "colour"]
    assert report["per_class"]["animal"]["support"] == 30
    ended = invoke("evaluate", model, data, *SPLIT)
    for words in ("micro F1", "subset accuracy", "threshold"):
        assert words in ended.out
    assert "Confusion" not in ended.out


def test_evaluate_without_the_separator_names_the_label_that_is_none(invoke, model, tmp_path):
    joined = write_csv(tmp_path / "joined.csv", [("cat, red", "animal|colour")])
    ended = invoke("evaluate", model, joined)
    assert (ended.code, ended.out) == (2, "")
    assert "label 'animal|colour' in 1 row was not in the training data" in ended.err
    assert "give --label-separator" in ended.err


def test_predict_lists_the_labels_of_each_text(invoke, model):
    texts = ("cat and dog", "cat and dog; red and blue", "nothing to see")
    lines = invoke("predict", model, *texts).lines
    for text, line, prediction in zip(texts, lines, load(model).predict(texts), strict=True):
        scores = {label: prediction.scores[label] for label in prediction.labels}
        assert line == {
            "text": text,
            "labels": list(prediction.labels),
            "scores": pytest.approx(scores, abs=1e-6),
        }
    assert [sorted(line["labels"]) for line in lines] == [["animal"], ["animal", "colour"], []]
    for line in invoke("predict", model, *texts, "--top-k", 1).lines:
        assert list(line) == ["text", "labels", "scores"]
        assert len(line["scores"]) == 1


def test_a_threshold_leaves_labels_out_and_a_coverage_is_for_one_label(invoke, model, data):
    (prediction,) = load(model).predict(["cat and dog; red and blue"])
    assert len(prediction.labels) == 2
    between = sum(prediction.scores.values()) / 2
    (line,) = invoke("predict", model, "cat and dog; red and blue", "--threshold", between).lines
    assert line["labels"] == [prediction.label]
    refused = invoke("predict", model, "cat", "--coverage", 0.9).message
    assert "this one is multi-label, so predict without a coverage" in refused
    said = "--threshold and --coverage are for single-label models"
    for option in ("--threshold", "--coverage"):
        assert said in invoke("evaluate", model, data, *SPLIT, option, 0.9).message


def test_weights_of_texts_and_neither_of_classes_nor_a_teacher(invoke, model, data, tmp_path):
    rows = [
        (f"{text}", f"{labels},{number % 3}")
        for number, (text, labels) in enumerate(rows_of_label_lists())
    ]
    weighted = write_csv(tmp_path / "weighted.csv", rows, header="text,label,w")
    arguments = ("train", weighted, *SPLIT, *QUICK, "--weight-column", "w", "--output", "w")
    assert invoke(*arguments).code == 0
    metrics = json.loads((tmp_path / "w" / "metrics.json").read_text("utf-8"))
    assert (metrics["training_texts"], metrics["validation_texts"]) == (40, 40)
    assert metrics["refit"]  # as they are few
    ended = invoke(*arguments, "--class-weight", "balanced", "--overwrite")
    assert ended.code == 2
    assert "class weights are for one label a text: leave them out" in ended.message
    arguments = ("train", data, *SPLIT, *QUICK, "--output", "w", "--overwrite")
    assert "leave it out with label lists" in invoke(*arguments, "--teacher", model).message


def test_predict_explains_the_most_probable_label(invoke, model):
    (line,) = invoke("predict", model, "cat and dog", "--explain").lines
    assert (line["labels"], line["label"]) == (["animal"], "animal")
    assert line["score"] == pytest.approx(line["scores"]["animal"], rel=1e-4)
    shares = {token["token"]: token["attribution"] for token in line["explanation"]}
    assert shares["cat"] > 0
    assert sum(shares.values()) == pytest.approx(line["log_odds"] - line["baseline"], abs=0.01)


def test_info_and_inspect(invoke, model):
    facts = dict(line.split(maxsplit=1) for line in invoke("info", model).out.splitlines())
    assert facts["type"] == "multi-label"
    assert facts["validation"].startswith("micro F1 ")
    (described,) = invoke("info", model, "--json").lines
    assert described["config"]["problem_type"] == "multi_label_classification"
    assert len(described["config"]["thresholds"]) == 2
    (found,) = invoke("inspect", model, "cat and dog", "--json").lines
    assert found["labels"] == ["animal"]
    assert list(found)[:4] == ["text", "labels", "scores", "tokens"]


def test_report(invoke, model, data, tmp_path):
    arguments = ("report", model, "--data", data, "--training", data, *SPLIT)
    ended = invoke(*arguments, "--json")
    assert ended.code == 0, ended.err
    (result,) = ended.lines
    (evaluated,) = invoke("evaluate", model, data, *SPLIT, "--json").lines
    for name in ("accuracy", "micro_f1", "macro_f1", "loss", "ece", "brier", "examples"):
        assert result[name] == evaluated[name]
    assert result["cardinality"]["data"] == 1.0
    assert result["duplicates"]["exact"] == 60
    page = (tmp_path / "report.html").read_text("utf-8")
    assert '<h2 id="confusion">Missed and added</h2>' in page


def test_tune_then_train_with_what_it_found(invoke, data, tmp_path, monkeypatch):
    tiny = PRESETS["tiny"]
    quick = replace(tiny.train, min_steps=0, epochs=8, batch_size=8, learning_rate=0.01)
    monkeypatch.setitem(PRESETS, "tiny", replace(tiny, train=quick))
    arguments = ("tune", data, *SPLIT, "--preset", "tiny", "--trials", 2, "--output", "t")
    ended = invoke(*arguments)
    assert ended.code == 0, ended.err
    said = f"wave-network train {data} --label-separator '|' --config t/tuned.json"
    assert said in ended.out
    (summary,) = invoke(*arguments, "--json").lines
    assert summary["metric"] == "micro_f1"
    config = ("--config", "t/tuned.json", "--no-refit")
    ended = invoke("train", data, *SPLIT, *config, "--output", "m", "--json")
    assert ended.lines[0]["validation"]["micro_f1"] == summary["score"]
    made, tuned = (tmp_path / folder / "model.safetensors" for folder in ("m", "t/model"))
    assert made.read_bytes() == tuned.read_bytes()
    assert load(tmp_path / "m").config == load(tmp_path / "t" / "model").config


def test_quantize_measures_micro_f1(invoke, model, data, tmp_path):
    ended = invoke("quantize", model, "--output", "small", "--data", data, *SPLIT)
    assert ended.code == 0, ended.err
    assert "micro F1" in ended.out
    small = load(tmp_path / "small")
    assert small.config == load(model).config
    metrics = json.loads((tmp_path / "small" / "metrics.json").read_text("utf-8"))
    assert metrics["quantization"]["changed"] == 0
    assert "the rounding changed micro F1 from" in (tmp_path / "small" / "README.md").read_text()
