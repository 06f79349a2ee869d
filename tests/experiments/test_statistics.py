import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wave_network.experiments.statistics import (
    Interval,
    from_hex,
    paired_bootstrap,
    percent,
    points,
    spread,
    to_hex,
)


def answers(accuracy, texts=400, seed=0):
    return np.random.default_rng(seed).random(texts) < accuracy


def direct_interval(first, second, resamples=4_000):
    """The same by its definition: texts and seeds are drawn with replacement, one by one."""
    random, gains = np.random.default_rng(1), []
    for _ in range(resamples):
        texts = random.integers(first.shape[1], size=first.shape[1])
        seeds = random.integers(len(first), size=len(first))
        others = (
            seeds if len(first) == len(second) else random.integers(len(second), size=len(second))
        )
        gains.append(first[seeds][:, texts].mean() - second[others][:, texts].mean())
    return np.quantile(gains, (0.025, 0.975))


@pytest.mark.parametrize(("seeds", "others"), [(1, 1), (3, 3), (2, 4)])
def test_the_interval_is_that_of_resampling_texts_and_seeds(seeds, others):
    first = np.stack([answers(0.90 - 0.03 * seed, seed=seed) for seed in range(seeds)])
    second = np.stack([answers(0.85, seed=seed + 10) for seed in range(others)])
    interval = paired_bootstrap([*first], [*second])
    assert interval.difference == pytest.approx(np.mean(first) - np.mean(second))
    # Its ends are multiples of one text, 1 / 400, which the resampling may put on either side.
    assert interval[1:] == pytest.approx(direct_interval(first, second), abs=0.004)


def test_seeds_that_differ_widen_the_interval():
    low, high = answers(0.8), answers(0.9)
    alike = paired_bootstrap([low, low], [high, high])
    mixed = paired_bootstrap([low, high], [high, low])
    assert not mixed.is_real
    assert mixed.high - mixed.low > 2 * (alike.high - alike.low)


def test_the_pairing_counts():
    """The same two accuracies differ for sure if the answers differ on one side alone."""
    first = answers(0.9, 1_000)
    second = first.copy()
    second[np.flatnonzero(first)[:10]] = False
    paired = paired_bootstrap([first], [second])
    unpaired = paired_bootstrap([first], [np.roll(second, 500)])
    assert paired.difference == pytest.approx(unpaired.difference) == pytest.approx(0.01)
    assert paired.is_real
    assert not unpaired.is_real


def test_the_bootstrap_is_the_same_each_time_and_turns_its_sign():
    first, second = [answers(0.9)], [answers(0.8, seed=1)]
    forth, back = paired_bootstrap(first, second), paired_bootstrap(second, first)
    assert forth == paired_bootstrap(first, second)
    assert back.difference == -forth.difference
    assert back[1:] == pytest.approx((-forth.high, -forth.low), abs=0.004)


def test_a_model_does_not_differ_from_itself():
    assert paired_bootstrap([answers(0.9)], [answers(0.9)]) == (0, 0, 0)
    assert not Interval(0, 0, 0).is_real


def test_models_that_answered_different_texts_are_not_compared():
    with pytest.raises(ValueError, match="same shape"):
        paired_bootstrap([answers(0.9, 10)], [answers(0.9, 11)])


@given(arrays(bool, st.integers(0, 70)))
def test_answers_survive_being_stored(correct):
    np.testing.assert_array_equal(from_hex(to_hex(correct)), correct)
    assert from_hex(to_hex(correct)).dtype == bool


def test_stored_answers_are_compact():
    assert to_hex(np.array([True, False, True])) == "3:a0"
    assert len(to_hex(answers(0.5, 7_600))) == len("7600:") + 7_600 / 4


def test_figures_are_written_with_their_range():
    assert percent([0.912]) == "91.20"
    assert percent([0.91, 0.92, 0.915]) == "91.50 (91.00–92.00)"
    assert spread([1.0, 2.0], ".0f") == "2 (1–2)"
    assert points(Interval(0.0042, 0.001, 0.0075)) == "+0.42 (95 % CI +0.10 to +0.75)"
    assert points(Interval(-0.0042, -0.01, 0.001)) == "-0.42 (95 % CI -1.00 to +0.10)"
