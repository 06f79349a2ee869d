"""One training run from data to a written model folder: what `wave-network train` does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wave_network.config import Preset, get_preset, override
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
    *,
    preset: Preset | str,
    output: Path,
    overwrite: bool,
    model_options: Mapping[str, Any],
    train_options: Mapping[str, Any],
    tokenizer: str | None,
    console: Console,
    unlabeled: Dataset | None = None,
    base: ModelFiles | None = None,
    log_to: str | None = None,
) -> tuple[dict[str, Any], str | None]:
    """Train, write the model folder, and evaluate on the test split with what was written.

    Args:
        splits: The data.
        preset: A preset or the name of one.
        output: The model folder to write.
        overwrite: Replace it if it is there.
        model_options: Fields of the model's configuration; None keeps the preset's value.
        train_options: Fields of `TrainConfig`; None keeps the preset's value.
        tokenizer: As in `Recipe`.
        console: Where progress is drawn.
        unlabeled: As in `TrainingData`.
        base: As in `Recipe`.
        log_to: `tensorboard:DIR` or `wandb:PROJECT`, which then get the metrics of every epoch.

    Returns:
        What `train --json` prints, and why training stopped early (see `TrainResult`).

    Raises:
        WaveNetworkError: If an option, the data or the output cannot be used.
    """
    chosen = preset if isinstance(preset, Preset) else get_preset(preset)
    config = override(chosen.train, **train_options)
    resolve_device(config.device)
    check_output(output, overwrite=overwrite)
    data = TrainingData(splits.train, splits.validation, unlabeled)
    # Before training, as the test split's labels may not be the model's.
    test_targets = _test_targets(data, splits.test, base)
    given = {name: value for name, value in model_options.items() if value is not None}
    recipe = Recipe(chosen, config, given, tokenizer, base)
    settings = {"preset": chosen.name, **config.to_dict()}
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
    write_trained(
        output,
        files,
        card=render_card(files),
        history=fitted.history,
        overwrite=overwrite,
    )
    if stopped == "interrupted":
        _warn_of_interrupt(output, files.metrics["best_epoch"])
    return _summary(output, files), stopped


def _warn_of_interrupt(output: Path, epoch: int) -> None:
    kept = f"the best model so far (epoch {epoch})" if epoch else "the unfinished first epoch"
    logger.warning("interrupted: %s is kept in %s", kept, output)


def _summary(output: Path, files: ModelFiles) -> dict[str, Any]:
    """What `train --json` prints."""
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
