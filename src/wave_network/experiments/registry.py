"""The experiments by name: one module each.

Every module has `measure(study)`, which runs what is not measured yet, and `section(study)`, which
makes its part of the report from everything measured so far.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from wave_network.experiments.section import Section
    from wave_network.experiments.study import Study

EXPERIMENTS: Final = (
    "accuracy",
    "baselines",
    "curves",
    "resources",
    "convergence",
    "gradients",
    "independence",
    "complexity",
    "ablation",
    "waves",
)


class Experiment(Protocol):
    """The interface of the modules in `EXPERIMENTS`."""

    def measure(self, study: Study) -> None:
        """Measure what is not measured yet."""

    def section(self, study: Study) -> Section:
        """The report's part, from everything measured so far."""


def get_experiment(name: str) -> Experiment:
    """The module of that name in `EXPERIMENTS`."""
    module: Experiment = import_module(f"wave_network.experiments.{name}")
    return module
