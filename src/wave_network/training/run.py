"""Train a model and write its folder, as `wave-network train` does."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wave_network.data import Splits, TrainingData, column
from wave_network.data.labels import labelling_of
from wave_network.data.targets import Targets
from wave_network.evaluation.metrics import summarize_for
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import ModelFiles, check_output, size_bytes
from wave_network.persistence.keeping import write_trained
from wave_network.runtime import Engine
from wave_network.training.continual import continued_labelling
from wave_network.training.device import resolve_device
from wave_network.training.fit import fit
from wave_network.training.progress import TrainingBar
from wave_network.training.recipe import Recipe
from wave_network.training.tracking import tracking

if TYPE_CHECKING:
    from datasets import Dataset
    from rich.console import Console

logger = logging.getLogger(__name__)


def train_model(
    splits: Splits,
    recipe: Recipe,
    output: Path,
    *,
    overwrite: bool,
    console: Console,
    unlabeled: Dataset | None = None,
    background: Dataset | None = None,
    log_to: str | None = None,
) -> tuple[dict[str, Any], str | None]:
    """Train a model, evaluate it on the test split, and write its folder.

    Args:
        splits: The data.
        recipe: How to train.
        output: The model folder to write.
        overwrite: Replace it if it exists.
        console: Where to show progress.
        unlabeled: As in `TrainingData`.
        background: As in `TrainingData`.
        log_to: Where to log the metrics of every epoch: `tensorboard:DIR` or `wandb:PROJECT`.

    Returns:
        What `train --json` prints, and why training stopped early (see `TrainResult`).

    Raises:
        WaveNetworkError: If an option, the data or the output cannot be used.
    """
    resolve_device(recipe.config.device)
    check_output(output, overwrite=overwrite)
    data = TrainingData(splits.train, splits.validation, unlabeled, background)
    # Before training, so that unknown labels in the test split are reported at once.
    test_targets = _test_targets(data, splits.test, recipe.base)
    settings = {"preset": recipe.preset.name, **recipe.config.to_dict()}
    with tracking(log_to, settings) as track, TrainingBar(console, track) as progress:
        fitted = fit(data, recipe, progress)
    files, stopped = fitted.files, fitted.stopped
    if splits.test is not None and test_targets is not None:
        try:
            probabilities = Engine(files).predict_proba(column(splits.test, "text"))
        except KeyboardInterrupt:  # the model is trained, and is kept
            stopped = "interrupted"
        else:
            test = summarize_for(labelling_of(files.config), probabilities, test_targets)
            files = replace(files, metrics={**files.metrics, "test": test})
    card = render_card(files)
    write_trained(output, files, card=card, history=fitted.history, overwrite=overwrite)
    if stopped == "interrupted":
        _warn_of_interrupt(output, files.metrics["best_epoch"])
    return _summary(output, files), stopped


def _warn_of_interrupt(output: Path, epoch: int) -> None:
    kept = f"the best model so far (epoch {epoch})" if epoch else "the unfinished first epoch"
    logger.warning("interrupted: %s is kept in %s", kept, output)


def _summary(output: Path, files: ModelFiles) -> dict[str, Any]:
    """Return what `train --json` prints."""
    return {
        "model": str(output),
        "preset": files.preset,
        "parameters": files.metrics["parameters"],
        "size_bytes": size_bytes(output),
        "train_seconds": files.metrics["train_seconds"],
        "validation": files.metrics["validation"],
        "test": files.metrics["test"],
        "seed": files.training["seed"],
    }


def _test_targets(
    data: TrainingData, test: Dataset | None, base: ModelFiles | None
) -> Targets | None:
    if test is None:
        return None
    labelling = data.labelling() if base is None else continued_labelling(base, data)
    return labelling.encode(test["label"])
