import numpy as np
import pytest

from wave_network.config.wave_lm import PretrainConfig
from wave_network.training.pretraining.windows import Windows

IDS = np.arange(1_000, dtype=np.uint16)


def windows(count=1_000, **options):
    return Windows(IDS[:count], PretrainConfig(**{"window": 32, "batch_size": 4, **options}))


def test_an_epoch_predicts_nearly_every_token_once():
    found = windows()
    assert (found.steps_per_epoch, found.steps) == (7, 28)
    targets = np.concatenate([found.of(step)[1:].ravel() for step in range(7)])
    assert len(targets) == len({*targets}) == 7 * 4 * 32


def test_sequences_are_of_the_documents():
    found = windows().of(3)
    assert found.shape == (33, 4)
    assert (np.diff(found, axis=0) == 1).all()


def test_seed_and_step_alone_decide():
    first, second = windows(), windows()
    for step in (9, 2, 27):
        np.testing.assert_array_equal(first.of(step), second.of(step))
    assert (windows(seed=1).of(0) != first.of(0)).any()
    assert (first.of(0) != first.of(7)).any()  # the next epoch has another order


def test_steps_take_precedence_over_epochs():
    assert windows(steps=5).steps == 5
    assert windows(epochs=2).steps == 14


@pytest.mark.parametrize(("count", "shape"), [(2, (2, 1)), (33, (33, 1)), (70, (33, 2))])
def test_short_corpora(count, shape):
    found = windows(count)
    assert found.of(0).shape == shape
    assert found.steps_per_epoch == 1
    assert found.of(found.steps - 1).max() < count
