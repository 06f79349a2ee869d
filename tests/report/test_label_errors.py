import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from wave_network.report.label_errors import find_label_errors


def test_by_hand():
    # Thresholds: 0.7 of the first class, 0.5 of the second.
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]])
    labels = np.array([0, 0, 1, 1])
    found = find_label_errors(probabilities, labels)
    # The third reaches the first class's threshold, the second that of the other class alone.
    assert found.texts.tolist() == [2, 1]
    assert found.suggested.tolist() == [0, 1]


def test_wrong_labels_are_found_from_probabilities_out_of_sample():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 600)
    features = random.normal(size=(600, 2)) + 5 * np.array([[0, 0], [1, 0], [0, 1]])[truth]
    labels = truth.copy()
    wrong = random.choice(600, 30, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    probabilities = cross_val_predict(
        LogisticRegression(), features, labels, cv=5, method="predict_proba"
    )
    found = find_label_errors(probabilities, labels)
    right = np.isin(found.texts, wrong)
    assert right.sum() >= 22
    assert right.mean() >= 0.9
    assert right[:10].all(), "the most doubtful come first"
    assert (found.suggested == truth[found.texts])[right].mean() >= 0.9


def test_a_class_without_texts_is_never_suggested():
    probabilities = np.array([[0.1, 0.1, 0.8], [0.2, 0.1, 0.7]])
    found = find_label_errors(probabilities, np.array([0, 1]))
    assert 2 not in found.suggested


def test_equal_probabilities_throw_no_doubt():
    found = find_label_errors(np.full((7, 3), 1 / 3, np.float32), np.zeros(7, np.int64))
    assert found.texts.tolist() == []
