import numpy as np
import pytest

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.training.pretraining.examples import NOT_PREDICTED, hidden_tokens, next_tokens

START, MASK = 298, 299
SHAPE = WaveLMConfig(
    vocab_size=300, hidden_size=4, num_layers=1, feed_forward_size=4, objective="masked"
)


def hide(window, seed=0):
    return hidden_tokens(window, SHAPE, np.random.default_rng(seed))


def test_every_token_is_predicted_from_those_before():
    window = np.arange(12).reshape(6, 2)
    examples = next_tokens(window)
    np.testing.assert_array_equal(examples.ids, window[:-1])
    np.testing.assert_array_equal(examples.targets, window[1:])
    np.testing.assert_array_equal(examples.predicted, window[1:].ravel())


def test_some_tokens_are_hidden_and_these_are_predicted():
    window = np.random.default_rng(1).integers(0, START, (200, 50))
    window[::40] = START
    examples = hide(window)
    hidden = examples.ids == MASK
    assert hidden.mean() == pytest.approx(0.15 * 195 / 200, abs=0.01)
    assert not hidden[window == START].any()
    np.testing.assert_array_equal(examples.ids[~hidden], window[~hidden])
    np.testing.assert_array_equal(examples.targets[hidden], window[hidden])
    assert (examples.targets[~hidden] == NOT_PREDICTED).all()
    np.testing.assert_array_equal(examples.predicted, window[hidden])


def test_the_random_numbers_decide():
    window = np.random.default_rng(1).integers(0, START, (20, 5))
    np.testing.assert_array_equal(hide(window).ids, hide(window).ids)
    assert (hide(window).ids != hide(window, seed=1).ids).any()


@pytest.mark.parametrize("window", [[[5]], [[START], [5]], [[START]]])
def test_at_least_one_token_is_hidden(window):
    for seed in range(20):
        examples = hide(np.array(window), seed)
        assert len(examples.predicted) == 1
        assert examples.predicted[0] == window[-1][0]
