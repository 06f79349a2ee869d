import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from topics import topic_texts

from wave_network.data import SingleLabel
from wave_network.data.memory import texts_from_memory
from wave_network.few_labels.archive import views_of
from wave_network.few_labels.teacher import NO_FOLD, Teaching, teach
from wave_network.models.numpy_ops import log_softmax

TEXTS, LABELS = topic_texts(624)
LABELLED = 24
TARGETS = np.eye(4, dtype=np.float32)[LABELS[:LABELLED]]  # the last class has no text
FOLDS = SingleLabel((0, 1, 2, 3)).folds(LABELS[:LABELLED], 5, 0)


class Listening:
    """A view that knows the true classes, and notes what it is told."""

    def __init__(self, sure):
        self.sure, self.told, self.prior = sure, [], 0.5

    def scores(self, texts, targets):
        self.told.append((texts.tolist(), targets.shape))
        noise = np.random.default_rng(len(self.told)).normal(size=(len(LABELS), 3))
        return (self.sure * np.eye(3)[LABELS] + noise).astype(np.float32)


@pytest.fixture(scope="module")
def teaching():
    labelled, unlabelled = texts_from_memory(TEXTS[:LABELLED]), texts_from_memory(TEXTS[LABELLED:])
    return teach(views_of(labelled, unlabelled, seed=0), TARGETS, FOLDS)


def test_unlabelled_texts_get_the_probabilities_of_their_classes(teaching):
    assert teaching.unlabelled.shape == (600, 4)
    np.testing.assert_allclose(teaching.unlabelled.sum(axis=1), 1, atol=1e-5)
    assert (teaching.unlabelled.argmax(axis=1) == LABELS[LABELLED:]).mean() > 0.95
    assert (teaching.unlabelled[:, 3] == 0).all()


def test_held_out_texts_tell_that_it_helps(teaching):
    truth = LABELS[:LABELLED][teaching.held_out]
    assert (teaching.logits.argmax(axis=1) == truth).mean() > 0.9
    assert (teaching.without.argmax(axis=1) == truth).mean() < 0.9
    assert teaching.helps(TARGETS[teaching.held_out])
    assert np.isfinite(teaching.logits).all()


def test_no_view_learns_from_the_text_that_it_is_held_to():
    views = [Listening(0), Listening(2)]
    teach(views, TARGETS, FOLDS)
    for view in views:
        *folds, (every, _) = view.told
        assert len(folds) == 5
        held = [set(range(LABELLED)) - set(texts) for texts, _ in folds]
        assert sorted(place for fold in held for place in fold) == list(range(LABELLED))
        assert every == list(range(LABELLED))
        assert all(shape[1] == 3 for _, shape in view.told)


def test_labels_do_not_reach_their_own_held_out_logits():
    """Another label changes a text's logits only by way of the other folds, not of its own."""
    views = [Listening(0), Listening(2)]
    before = teach(views, TARGETS, FOLDS)
    place = int(np.flatnonzero(FOLDS == 0)[0])
    changed = TARGETS.copy()
    changed[place] = [*np.roll(changed[place, :3], 1).tolist(), 0]
    after = teach([Listening(0), Listening(2)], changed, FOLDS)
    same = FOLDS[before.held_out] == 0
    np.testing.assert_array_equal(after.logits[same], before.logits[same])
    assert (after.logits[~same] != before.logits[~same]).any()


@pytest.mark.parametrize(
    ("sure", "with_", "helps"),
    [
        (1.0, [0, 1, 1], True),
        (-0.5, [0, 0, 1], True),  # more right, and less likely by chance
        (-0.5, [0, 0, 0], False),
        (-4.0, [0, 0, 1], False),
    ],
)
def test_it_helps_if_labels_are_more_likely_or_more_are_right(sure, with_, helps):
    targets = np.eye(2, dtype=np.float32)[[0, 1, 1]]
    without = np.log(np.array([[0.6, 0.4]] * 3, np.float32))
    likelihood = (targets * without).sum() + sure
    logits = np.eye(2, dtype=np.float32)[with_]
    scale = minimize_scalar(
        lambda scale: abs((targets * log_softmax(scale * logits)).sum() - likelihood),
        bounds=(0, 20),
        method="bounded",
    ).x
    teaching = Teaching(np.zeros((0, 2)), np.arange(3), scale * logits, without)
    assert teaching.helps(targets) == helps


def test_without_folds_all_views_count_alike():
    teaching = teach([Listening(0), Listening(4)], TARGETS, np.full(LABELLED, NO_FOLD))
    assert len(teaching.held_out) == len(teaching.logits) == 0
    assert teaching.helps(TARGETS[:0])
    assert (teaching.unlabelled.argmax(axis=1) == LABELS[LABELLED:]).mean() > 0.6
