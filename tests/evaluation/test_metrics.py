import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from wave_network.evaluation.metrics import (
    answered_report,
    multi_label_report,
    single_label_report,
    summarize,
    summarize_multi_label,
)

# True classes 0 0 0 1 1 2, predicted 0 0 1 1 0 0: class 2 is never predicted, class 3 occurs
# nowhere.
LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.4, 0.3, 0.2, 0.1],
        [0.2, 0.6, 0.1, 0.1],
        [0.1, 0.8, 0.1, 0.0],
        [0.5, 0.25, 0.25, 0.0],
        [0.9, 0.05, 0.05, 0.0],
    ],
    dtype=np.float32,
)
F1 = [2 * 2 / (4 + 3), 2 * 1 / (2 + 2), 0.0]
ECE = (0.3 + 0.6 + 0.6 + 0.2 + 0.5 + 0.9) / 6  # each text in a bin of its own
BRIER = (0.12 + 0.5 + 1.02 + 0.06 + 0.875 + 1.715) / 6
LOSS = -sum(math.log(p) for p in (0.7, 0.4, 0.2, 0.8, 0.25, 0.05)) / 6


def test_summary_by_hand():
    found = summarize(PROBABILITIES, LABELS)
    assert found == pytest.approx(
        {"accuracy": 3 / 6, "macro_f1": sum(F1) / 3, "loss": LOSS, "ece": ECE, "brier": BRIER}
    )


def test_report_by_hand():
    report = single_label_report(PROBABILITIES, LABELS, ["w", "x", "y", "z"])
    assert list(report) == [
        *("accuracy", "macro_f1", "loss", "ece", "brier"),
        *("per_class", "confusion", "examples"),
    ]
    assert report["accuracy"] == pytest.approx(0.5)
    assert report["macro_f1"] == pytest.approx(sum(F1) / 3)
    assert report["loss"] == pytest.approx(LOSS)
    assert report["per_class"] == {
        "w": pytest.approx({"precision": 2 / 4, "recall": 2 / 3, "f1": F1[0], "support": 3}),
        "x": pytest.approx({"precision": 1 / 2, "recall": 1 / 2, "f1": F1[1], "support": 2}),
        "y": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        "z": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
    }
    assert report["confusion"] == {
        "labels": ["w", "x", "y", "z"],
        "matrix": [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]],
    }
    assert report["examples"] == 6


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), texts=st.integers(1, 30), classes=st.integers(2, 8))
def test_a_report_equals_scikit_learns(seed, texts, classes):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.3), texts)
    labels = random.integers(0, random.integers(1, classes + 1), texts)
    predicted, indices = probabilities.argmax(axis=1), range(classes)
    report = single_label_report(probabilities, labels, indices)
    assert report["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    macro_f1 = f1_score(labels, predicted, average="macro", zero_division=0)
    assert report["macro_f1"] == pytest.approx(macro_f1)
    matrix = confusion_matrix(labels, predicted, labels=indices)
    assert report["confusion"]["matrix"] == matrix.tolist()
    columns = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    for row, expected in zip(report["per_class"].values(), zip(*columns, strict=True), strict=True):
        assert list(row.values()) == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), texts=st.integers(1, 20), labels=st.integers(1, 6))
def test_a_report_of_label_lists_equals_scikit_learns(seed, texts, labels):
    random = np.random.default_rng(seed)
    probabilities, targets = random.random((2, texts, labels))
    targets = (targets < random.random(labels)).astype(np.float32)
    thresholds = tuple(random.random(labels))
    report = multi_label_report(probabilities, targets, range(labels), thresholds)
    truth, given = targets > 0.5, probabilities >= thresholds
    micro_f1 = f1_score(truth.ravel(), given.ravel(), zero_division=0)
    assert report["micro_f1"] == pytest.approx(micro_f1)
    columns = [
        precision_recall_fscore_support(*pair, average="binary", zero_division=0)[:3]
        for pair in zip(truth.T, given.T, strict=True)
    ]
    occurring = truth.any(axis=0) | given.any(axis=0)
    f1 = [column[2] for column, counts in zip(columns, occurring, strict=True) if counts]
    assert report["macro_f1"] == pytest.approx(np.mean(f1) if f1 else 0.0)
    for row, expected in zip(report["per_class"].values(), columns, strict=True):
        assert [row["precision"], row["recall"], row["f1"]] == pytest.approx(expected)


def test_report_is_plain_json_with_the_labels_as_they_are():
    report = single_label_report(PROBABILITIES, LABELS, [10, -1, 2, 3])
    assert report["confusion"]["labels"] == [10, -1, 2, 3]
    assert list(report["per_class"]) == ["10", "-1", "2", "3"]
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize("classes", [1_000, 1_001])
def test_more_than_a_thousand_classes_have_no_confusion_matrix(classes):
    probabilities = np.eye(3, classes, dtype=np.float32)
    report = single_label_report(probabilities, np.arange(3), range(classes))
    assert ("confusion" in report) == (classes == 1_000)
    assert len(report["per_class"]) == classes


def test_a_perfect_classifier():
    perfect = summarize(np.eye(3, dtype=np.float32), np.arange(3))
    assert perfect == {"accuracy": 1.0, "macro_f1": 1.0, "loss": 0.0, "ece": 0.0, "brier": 0.0}


def test_a_class_that_is_predicted_but_never_true_counts_in_macro_f1():
    probabilities = np.array([[1, 0, 0], [0, 0, 1]], dtype=np.float32)
    assert summarize(probabilities, np.array([0, 0]))["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_a_class_that_is_nowhere_does_not_count_in_macro_f1():
    probabilities = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)
    assert summarize(probabilities, np.array([0, 1]))["macro_f1"] == 1.0


def test_the_loss_of_a_probability_0_is_large_and_finite():
    probabilities = np.array([[0, 1], [0, 1]], dtype=np.float32)
    found = summarize(probabilities, np.array([0, 1]))
    assert found["loss"] == pytest.approx(-math.log(np.finfo(np.float32).tiny) / 2)
    assert found["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("threshold", "answered", "accuracy"),
    [(0.0, 1.0, 0.5), (0.65, 0.5, 2 / 3), (0.85, 1 / 6, 0.0), (0.95, 0.0, None)],
)
def test_the_accuracy_of_the_answered_by_hand(threshold, answered, accuracy):
    report = answered_report(PROBABILITIES, LABELS, threshold)
    assert report["threshold"] == threshold
    assert report["answered"] == pytest.approx(answered)
    assert report["accuracy"] == (accuracy if accuracy is None else pytest.approx(accuracy))


# Texts 0 to 3 have the labels 01, 0, none, 1; at 0.5 they are given 01, 01, none, 2.
SETS = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], dtype=np.float32)
OF_SETS = np.array(
    [[0.9, 0.5, 0.1, 0.2], [0.8, 0.7, 0.3, 0.2], [0.4, 0.2, 0.1, 0.1], [0.1, 0.4, 0.6, 0.1]],
    dtype=np.float32,
)


def test_summary_of_label_lists_by_hand():
    found = summarize_multi_label(OF_SETS, SETS)
    right = np.where(SETS > 0, OF_SETS, 1 - OF_SETS)
    assert found == pytest.approx(
        {
            "accuracy": 2 / 4,
            "micro_f1": 2 * 3 / (4 + 5),
            "macro_f1": (1 + 2 * 1 / (2 + 2) + 0) / 3,  # label 3 is nowhere
            "loss": -np.log(right).sum() / 4,
            "ece": found["ece"],
            "brier": np.square(1 - right).sum() / 4,
        }
    )
    # Each decision is as sure as its likelier side; 15 bins of equal width.
    sure, correct = np.maximum(OF_SETS, 1 - OF_SETS).ravel(), ((OF_SETS >= 0.5) == SETS).ravel()
    bins = [np.ceil(sure * 15 - 1e-6) == number for number in range(16)]
    assert found["ece"] == pytest.approx(
        sum(abs((sure - correct)[inside].sum()) for inside in bins) / 16, abs=1e-6
    )


def test_summary_of_label_lists_equals_scikit_learns():
    random = np.random.default_rng(0)
    probabilities, targets = random.random((200, 6)), random.random((200, 6)) < 0.3
    thresholds = tuple(random.random(6))
    found = summarize_multi_label(probabilities, targets, thresholds)
    given = probabilities >= thresholds
    assert found["accuracy"] == pytest.approx(accuracy_score(targets, given))
    for average in ("micro", "macro"):
        assert found[f"{average}_f1"] == pytest.approx(f1_score(targets, given, average=average))
    assert found["loss"] == pytest.approx(
        sum(log_loss(targets[:, label], probabilities[:, label]) for label in range(6))
    )


def test_label_lists_without_any_label():
    nothing = summarize_multi_label(np.zeros((3, 2)), np.zeros((3, 2)))
    figures = {"micro_f1": 0.0, "macro_f1": 0.0, "loss": 0.0, "ece": 0.0, "brier": 0.0}
    assert nothing == {"accuracy": 1.0, **figures}


def test_report_of_label_lists():
    report = multi_label_report(OF_SETS, SETS, ["w", "x", "y", 9], (0.5, 0.6, 0.7, 0.5))
    figures = ["accuracy", "micro_f1", "macro_f1", "loss", "ece", "brier"]
    assert list(report) == [*figures, "per_class", "examples"]
    assert report["per_class"] == {
        "w": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2, "threshold": 0.5},
        "x": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 2, "threshold": 0.6},
        "y": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0, "threshold": 0.7},
        "9": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0, "threshold": 0.5},
    }
    assert report["examples"] == 4
    assert json.loads(json.dumps(report)) == report


def test_the_full_report_of_one_label_that_a_text_may_have():
    probabilities = np.array([[0.9], [0.8], [0.3], [0.2]], np.float32)
    targets = np.array([[1], [0], [1], [0]], np.float32)
    report = multi_label_report(probabilities, targets, ["new"], (0.5,))
    row = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2, "threshold": 0.5}
    assert report["per_class"] == {"new": row}
