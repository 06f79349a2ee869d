"""A model of label sets, and labelled texts for it."""

import pytest

from wave_network import load
from wave_network.data import from_memory, read_splits
from wave_network.persistence.folder import write_model

LABELS = ("comedy", "drama", "war")


@pytest.fixture
def sets_model(make_files, tmp_path):
    """A model folder: random weights, any number of three labels."""
    files = make_files(
        labels=LABELS,
        problem_type="multi_label_classification",
        thresholds=(0.5, 0.3, 0.6),
    )
    history = [{"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "validation": {"loss": 2.0}}]
    write_model(tmp_path / "model", files, card="", history=history)
    return tmp_path / "model"


@pytest.fixture
def sets_rows(sets_model):
    """Sixty texts: every other one is labelled as the model answers, the rest in turn."""
    texts = read_splits("sample").test["text"][:60]
    answers = [list(prediction.labels) for prediction in load(sets_model).predict(texts)]
    for row in range(0, 60, 2):
        answers[row] = [label for place, label in enumerate(LABELS) if row // 2 >> place & 1]
    return from_memory(texts, answers)
