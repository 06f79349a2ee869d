"""The experiments of both papers, one module each, and the report that gathers them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from wave_network.errors import ConfigError, extra_needed
from wave_network.experiments.registry import EXPERIMENTS, Experiment, get_experiment

if TYPE_CHECKING:
    from wave_network.experiments.study import Study

__all__ = ["EXPERIMENTS", "Experiment", "get_experiment", "reproduce"]


def reproduce(study: Study, names: Iterable[str]) -> tuple[Path, Path]:
    """Measure the missing runs of some experiments, and write the report after each.

    Args:
        study: Options and earlier runs.
        names: Of `EXPERIMENTS`.

    Returns:
        The Markdown and the HTML file of the report.

    Raises:
        MissingExtraError: If torch is not installed.
        WaveNetworkError: If the data, a model or the output cannot be used.
    """
    from wave_network.experiments.report import write_report

    _check_models(study.options.models)
    written = write_report(study)  # fails at once if the output cannot be written
    for name in names:
        get_experiment(name).measure(study)
        written = write_report(study)
    return written


def _check_models(names: tuple[str, ...] | None) -> None:
    from wave_network.baselines import BASELINES

    with extra_needed("papers", "reproducing the papers"):
        from wave_network.experiments.models import MODELS

    known = (*MODELS, *BASELINES)
    for name in names or ():
        if name not in known:
            raise ConfigError(f"no model {name}: take some of {', '.join(known)}")
