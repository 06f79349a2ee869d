"""Few texts of a class, or few in all: every data set trains and says how it was validated."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fitting import fit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from wave_network import WaveClassifier
from wave_network.config import PRESETS
from wave_network.data import MultiLabel, SingleLabel, from_memory, read_splits
from wave_network.evaluation.metrics import standard_error
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import read_model, write_model
from wave_network.runtime import Engine
from wave_network.training.callbacks import Progress
from wave_network.training.folds import combined
from wave_network.training.interrupt import StopSignal
from wave_network.training.loop import TrainResult

TINY = replace(PRESETS["tiny"], model={**PRESETS["tiny"].model, "linear_size": 997})
CONFIG = replace(TINY.train, epochs=3, min_steps=0, batch_size=8, learning_rate=0.03, device="cpu")


def rows_of(classes, texts, more=0):
    """Texts of a class share its two words."""
    labels = [f"c{i}" for i in range(classes) for _ in range(texts)] + ["c0"] * more
    return from_memory([f"word{c} stem{c} some text" for c in labels], labels)


@pytest.mark.parametrize(
    ("rows", "method", "held_out"),
    [
        (rows_of(100, 6), "holdout", 100),
        (rows_of(30, 5, more=3), "cross-validation", 153),
        (rows_of(200, 5), "holdout", 100),
        (rows_of(3, 8), "cross-validation", 24),
        (rows_of(12, 2), "cross-validation", 24),
        (rows_of(12, 1, more=11), "cross-validation", 12),  # the others are alone in their class
        (rows_of(30, 1), None, 0),
        (rows_of(3, 2, more=1), None, 0),
    ],
)
def test_every_data_set_trains_and_says_how_it_was_validated(rows, method, held_out, tmp_path):
    fitted = fit(rows, None, TINY, CONFIG)
    metrics = fitted.files.metrics
    assert metrics["validation_method"] == method
    assert metrics["validation_texts"] == held_out
    assert metrics["training_texts"] == len(rows)
    assert (metrics["validation"] is None) == (method is None)
    assert (fitted.files.temperature is None) == (method is None)
    assert fitted.files.config.labels == tuple(sorted(set(rows["label"])))
    card = render_card(fitted.files)
    write_model(tmp_path / "model", fitted.files, card=card, history=fitted.history)
    assert read_model(tmp_path / "model").metrics == json.loads(json.dumps(metrics))
    said = {"cross-validation": "metrics are those of a cross-validation", None: "too few texts to"}
    assert said.get(method, "validation texts chose the epoch") in card


@pytest.mark.parametrize("texts", [4, 16])
def test_few_texts_are_learnt_better_than_by_a_support_vector_machine(texts):
    """So many a class of the bundled sample; the mean of three draws."""
    sample = read_splits("sample")
    truth = np.array(sample.test["label"])
    labels = np.array(sample.train["label"])
    ours, theirs = [], []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(labels))
        drawn = np.concatenate([order[labels[order] == one][:texts] for one in np.unique(labels)])
        rows = sample.train.select(np.sort(drawn))
        model = WaveClassifier(preset="tiny").fit(rows["text"][:], rows["label"][:])
        ours.append(np.mean(model.predict(sample.test["text"][:]) == truth))
        peer = make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC(C=0.5))
        peer.fit(rows["text"][:], rows["label"][:])
        theirs.append(np.mean(peer.predict(sample.test["text"][:]) == truth))
    assert np.mean(ours) > np.mean(theirs) + 0.02


def test_the_validation_accuracy_says_how_sure_it_is():
    metrics = fit(rows_of(3, 8), None, TINY, CONFIG).files.metrics
    accuracy = metrics["validation"]["accuracy"]
    assert metrics["validation_standard_error"] == standard_error(accuracy, 24)
    assert 0.04 < standard_error(1.0, 24) < 0.06  # all right, but not sure
    assert standard_error(0.5, 10_000) == pytest.approx(0.005, rel=0.01)
    assert fit(rows_of(3, 2), None, TINY, CONFIG).files.metrics["validation_standard_error"] is None


def test_a_cross_validated_model_tells_what_is_out_of_scope():
    fitted = fit(rows_of(3, 40), None, TINY, CONFIG)
    assert fitted.files.metrics["validation_method"] == "cross-validation"
    assert fitted.files.out_of_scope is not None


def test_a_cross_validation_measures_models_that_do_not_know_the_text():
    """Half of the texts have a word of their own alone, which tells other models nothing."""
    letters = np.random.default_rng(0).choice(list("abcdefghij"), (80, 7))
    texts = [f"common{i % 2}" if i < 40 else "".join(letters[i]) for i in range(80)]
    fitted = fit(from_memory(texts, ["a", "b"] * 40), None, TINY, replace(CONFIG, epochs=12))
    assert fitted.files.metrics["validation_method"] == "cross-validation"
    measured = fitted.files.metrics["validation"]["accuracy"]
    answers = Engine(fitted.files).predict(texts)
    assert np.mean([one.label == "ab"[i % 2] for i, one in enumerate(answers)]) > measured
    assert 0.6 < measured < 0.9


def test_a_cross_validation_is_of_all_kinds_of_labels(sample_model):
    lists = from_memory([f"word{i % 3} text" for i in range(30)], [[i % 3, 7] for i in range(30)])
    fitted = fit(lists, None, TINY, CONFIG)
    assert fitted.files.metrics["validation_method"] == "cross-validation"
    assert len(fitted.files.config.thresholds) == 4
    taught = from_memory(["oil", "cup", "vote", "star"] * 6, ["Business", "Sports"] * 12)
    classes = ["Business", "Sci/Tech", "Sports", "World"]
    config = replace(CONFIG, teacher=str(sample_model))
    files = fit(taught, None, TINY, config, classes=classes).files
    assert files.metrics["validation_method"] == "cross-validation"


def test_the_seed_decides_a_cross_validation():
    first, again = (fit(rows_of(3, 8), None, TINY, CONFIG).files for _ in range(2))
    assert first.temperature == again.temperature
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(tensor, again.tensors[name])


def test_continued_training_on_few_rows_keeps_the_temperature(sample_model):
    base = read_model(sample_model)
    rows = from_memory(["oil price", "the cup"], ["Business", "Sports"])
    files = fit(rows, None, PRESETS["small"], replace(CONFIG, refit=False), base=base).files
    assert files.metrics["validation_method"] is files.metrics["validation"] is None
    assert files.temperature == base.temperature


class StopsIn(Progress):
    """Asks to stop in the second step of a fold."""

    def __init__(self, fold):
        self.fold, self.steps, self.stop = f"fold {fold}", 0, StopSignal()

    def stage(self, name, total=None):
        self.inside = name.startswith(self.fold)

    def step(self, loss):
        self.steps += self.inside
        if self.steps == 2:
            self.stop.request()


@pytest.mark.parametrize("fold", [1, 3])
def test_an_interrupted_cross_validation_keeps_the_model_of_a_fold(fold):
    progress = StopsIn(fold)
    fitted = fit(rows_of(3, 16), None, TINY, CONFIG, progress=progress, stop=progress.stop)
    metrics = fitted.files.metrics
    assert fitted.stopped == "interrupted"
    assert metrics["validation_method"] == "holdout"
    assert metrics["training_texts"] + metrics["validation_texts"] == 48
    assert metrics["best_epoch"] == (0 if fold == 1 else 3)


def test_the_best_epoch_is_that_of_all_folds():
    def result(*accuracies):
        history = [
            {"epoch": epoch, "validation": accuracy and {"accuracy": accuracy, "loss": 1.0}}
            for epoch, accuracy in enumerate(accuracies, start=1)
        ]
        return TrainResult(history=history, seconds=1.0)

    mean = combined([result(None, 0.5, 0.9, 0.6), result(None, 0.8, 0.6, 0.5, 1.0)])
    assert (mean.best_epoch, mean.validation["accuracy"]) == (3, 0.75)
    assert [record["epoch"] for record in mean.history] == [1, 2, 3, 4]
    assert mean.history[0]["validation"] is None
    assert combined([result(None, 0.5), result(0.5, None)]).best_epoch == 2


@pytest.mark.parametrize("kind", [SingleLabel, MultiLabel])
def test_folds_hold_out_a_share_of_each_class_and_never_its_only_text(kind):
    labels = np.repeat([0, 1, 2, 3], [25, 10, 2, 1])
    targets = labels if kind is SingleLabel else np.eye(4, dtype=np.float32)[labels]
    folds = kind(()).folds(targets, 5, seed=0)
    assert folds[labels == 3].tolist() == [-1]
    counts = np.array([np.bincount(labels[folds == fold], minlength=4) for fold in range(5)])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert (np.ptp(counts.sum(axis=1)) <= 1).all()
