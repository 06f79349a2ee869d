"""Means, spreads, and which differences are real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 10_000


class Interval(NamedTuple):
    """A difference and its 95 % confidence interval."""

    difference: float
    low: float
    high: float

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def paired_bootstrap(
    first: Sequence[NDArray[np.bool_]], second: Sequence[NDArray[np.bool_]], seed: int = 0
) -> Interval:
    """How much more accurate the first model is than the second on the same test texts.

    The texts are drawn again and again, with the answers of both models to each, and so are the
    seeds: in pairs if both models have as many, since a seed stands for one split of the rows. So
    the interval says how much the choice of the texts and of the seeds matters. Of few seeds it is
    too narrow, and of one it is about the texts alone.

    Args:
        first: For each seed, whether each test text was predicted correctly, (texts,).
        second: Likewise for the other model.
        seed: Of the resampling.

    Returns:
        Accuracy of the first less that of the second, as a share of 1.

    Raises:
        ValueError: If the models did not answer the same number of texts.
    """
    answers = np.stack([*first, *second])  # (seeds of both, texts)
    random = np.random.default_rng(seed)
    # Only how often each pattern of answers is drawn matters, and there are few of them.
    patterns, counts = np.unique(answers, axis=1, return_counts=True)
    texts = answers.shape[1]
    drawn = random.multinomial(texts, counts / texts, size=RESAMPLES)  # (resamples, patterns)
    accuracies = drawn @ patterns.T / texts  # (resamples, seeds of both)
    one, two = np.split(accuracies, [len(first)], axis=1)
    seeds = random.integers(len(first), size=one.shape)
    others = seeds if len(first) == len(second) else random.integers(len(second), size=two.shape)
    gains = np.take_along_axis(one, seeds, 1).mean(1) - np.take_along_axis(two, others, 1).mean(1)
    low, high = np.quantile(gains, (0.025, 0.975))
    return Interval(float(np.mean(first) - np.mean(second)), float(low), float(high))


def to_hex(correct: NDArray[np.bool_]) -> str:
    """Which predictions are correct, as a compact string for a run's file."""
    return f"{len(correct)}:{np.packbits(correct).tobytes().hex()}"


def from_hex(packed: str) -> NDArray[np.bool_]:
    """The inverse of `to_hex`."""
    count, _, digits = packed.partition(":")
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=int(count))
    return bits.astype(bool)


def percent(values: Sequence[float]) -> str:
    """Mean of shares in percent, with the range over the seeds: `91.20 (91.05–91.31)`."""
    return spread([100 * value for value in values])


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Mean and, of several values, their range."""
    mean = format(float(np.mean(values)), form)
    if len(values) < 2:
        return mean
    return f"{mean} ({min(values):{form}}–{max(values):{form}})"


def points(interval: Interval) -> str:
    """A difference of accuracies in percentage points: `+0.42 (95 % CI +0.10 to +0.75)`."""
    mean, low, high = (f"{100 * value:+.2f}" for value in interval)
    return f"{mean} (95 % CI {low} to {high})"
