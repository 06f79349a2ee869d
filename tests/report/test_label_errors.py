import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from wave_network.report.label_errors import find_label_errors, find_multi_label_errors


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


def test_label_lists_by_hand():
    # Thresholds for having the first label: 0.7, for lacking it: 0.6; all texts have the second.
    probabilities = np.array([[0.9, 0.9], [0.8, 0.1], [0.4, 0.5], [0.1, 0.9], [0.7, 0.9]])
    truth = np.array([[1, 1], [1, 1], [1, 1], [0, 1], [0, 1]]) > 0
    found = find_multi_label_errors(probabilities, truth)
    # The fifth text gets 0.7 for a label that it lacks, the third 0.6 for lacking one it has.
    # Nobody lacks the second label, so nothing tells which probability would be low for it.
    assert list(zip(found.texts.tolist(), found.labels.tolist(), strict=True)) == [(4, 0), (2, 0)]


def test_wrong_labels_of_sets_are_found():
    random = np.random.default_rng(0)
    truth = random.random((400, 3)) < [0.5, 0.2, 0.05]
    probabilities = np.clip(np.where(truth, 0.8, 0.15) + random.normal(0, 0.1, truth.shape), 0, 1)
    labels = truth.copy()
    wrong = {(int(row), int(row) % 3) for row in random.choice(400, 20, replace=False)}
    for place in wrong:
        labels[place] = ~labels[place]
    found = find_multi_label_errors(probabilities, labels)
    assert set(zip(found.texts[:15].tolist(), found.labels[:15].tolist(), strict=True)) <= wrong
