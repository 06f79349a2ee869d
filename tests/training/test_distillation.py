import numpy as np
import pytest
import torch

from wave_network.config import TrainConfig
from wave_network.data import from_memory, texts_from_memory
from wave_network.errors import ConfigError
from wave_network.training.callbacks import SILENT
from wave_network.training.distillation import teacher_targets
from wave_network.training.teacher import read_teacher

CLASSES = ("Business", "Sports", "World")  # not in the teacher's order
TEXTS = [f"{'abcdefghijklmnop'[i % 16]} cat {i}" for i in range(300)]
LABELS = np.arange(300) % 3
ROWS = from_memory(TEXTS, LABELS.tolist())
MORE = ["red dog", "blue cat", ""]


@pytest.fixture(scope="module")
def answers(bert_folder):
    teacher = read_teacher(str(bert_folder), "cpu")
    return teacher.predict_proba([*TEXTS, *MORE])[:, [2, 1, 0]]


def ask(teacher, targets=LABELS, unlabeled=None, progress=SILENT, weight=0.75, temperature=1.0):
    config = TrainConfig(
        teacher=str(teacher),
        distillation_weight=weight,
        distillation_temperature=temperature,
        device="cpu",
    )
    return teacher_targets(ROWS, targets, unlabeled, CLASSES, config, progress)


def test_labels_and_answers_are_mixed(bert_folder, answers):
    texts, targets = ask(bert_folder)
    assert texts["text"][:] == TEXTS
    expected = 0.75 * answers[:300] + 0.25 * np.eye(3)[LABELS]
    np.testing.assert_allclose(targets, expected, atol=1e-6)
    assert targets.dtype == np.float32


def test_the_mixture_is_softened_by_the_temperature(bert_folder):
    """As the softmax of logits that are divided by it."""
    (_, sharp), (_, soft) = (ask(bert_folder, temperature=value) for value in (1.0, 3.0))
    logits = torch.from_numpy(sharp).log()
    np.testing.assert_allclose(soft, (logits / 3).softmax(dim=1), atol=1e-6)
    _, certain = ask(bert_folder, weight=0.0, temperature=3.0)  # a probability of 0 stays one
    np.testing.assert_array_equal(certain, np.eye(3)[LABELS])


def test_soft_labels_are_mixed_likewise(bert_folder, answers):
    soft = np.random.default_rng(0).dirichlet(np.ones(3), 300).astype(np.float32)
    _, targets = ask(bert_folder, soft)
    np.testing.assert_allclose(targets, 0.75 * answers[:300] + 0.25 * soft, atol=1e-6)


def test_unlabelled_texts_have_the_answers_alone(bert_folder, answers):
    texts, targets = ask(bert_folder, unlabeled=texts_from_memory(MORE), weight=0.0)
    assert texts["text"][:] == [*TEXTS, *MORE]
    np.testing.assert_allclose(targets[:300], np.eye(3)[LABELS], atol=1e-6)
    np.testing.assert_allclose(targets[300:], answers[300:], atol=1e-6)


class Listener:
    def __init__(self):
        self.told = []

    def stage(self, name, total=None):
        self.told.append((name, total))

    def advance(self, count):
        self.told.append(count)


def test_progress_is_told_of_every_text(bert_folder):
    listener = Listener()
    ask(bert_folder, unlabeled=texts_from_memory(MORE), progress=listener)
    assert listener.told == [("predicting with the teacher", 303), 256, 47]


def test_other_classes_are_refused_before_the_work(bert_folder):
    config, listener = TrainConfig(teacher=str(bert_folder), device="cpu"), Listener()
    with pytest.raises(ConfigError, match="the teacher has the classes 'World', 'Sports'"):
        teacher_targets(ROWS, LABELS, None, ("a", "b", "c"), config, listener)
    assert listener.told == []
