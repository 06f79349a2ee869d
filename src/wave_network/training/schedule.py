"""The schedule of the learning rate."""

from __future__ import annotations

from collections.abc import Callable

from wave_network.config import TrainConfig


def schedule_factor(config: TrainConfig, steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate as a function of the step, from 0.

    Linear warm-up, then constant or a linear decay to 0.

    Args:
        config: Warm-up and schedule.
        steps: Number of steps in all.
    """
    warmup = round(config.warmup * steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if config.schedule == "constant":
            return 1.0
        return max(0.0, (steps - step) / max(1, steps - warmup))

    return factor
