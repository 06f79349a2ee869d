"""One training run from data to a written model folder: what `wave-network train` does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Preset, get_preset, override
from wave_network.data import Splits, column, encode_labels
from wave_network.model_card import render_card
from wave_network.model_folder import check_output, size_bytes, write_model
from wave_network.runtime import Engine
from wave_network.training.epoch_log import epoch_log
from wave_network.training.fit import fit
from wave_network.training.loop import resolve_device
from wave_network.training.metrics import summarize
from wave_network.training.progress import TrainingBar

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
        tokenizer: As for `fit`.
        console: Where progress is drawn.
        unlabeled: As for `fit`.
        log_to: `tensorboard:DIR` or `wandb:PROJECT`, which then get the figures of every epoch.

    Returns:
        What `train --json` prints, and why training stopped early (see `TrainResult`).

    Raises:
        WaveNetworkError: If an option, the data or the output cannot be used.
    """
    chosen = preset if isinstance(preset, Preset) else get_preset(preset)
    config = override(chosen.train, **train_options)
    resolve_device(config.device)
    check_output(output, overwrite=overwrite)
    test_labels = _test_labels(splits)
    settings = {"preset": chosen.name, **config.to_dict()}
    with epoch_log(log_to, settings) as log, TrainingBar(console, log) as progress:
        fitted = fit(
            splits.train,
            splits.validation,
            chosen,
            config,
            model_options={k: v for k, v in model_options.items() if v is not None},
            tokenizer=tokenizer,
            unlabeled=unlabeled,
            progress=progress,
        )
    files = fitted.files
    if splits.test is not None:
        probabilities = Engine(files).predict_proba(column(splits.test, "text"))
        test = summarize(probabilities, test_labels)
        files = replace(files, metrics={**files.metrics, "test": test})
    write_model(
        output,
        files,
        card=render_card(files),
        history=fitted.history,
        overwrite=overwrite,
    )
    if fitted.stopped == "interrupted":
        epoch = files.metrics["best_epoch"]
        kept = f"the best model so far (epoch {epoch})" if epoch else "the unfinished first epoch"
        logger.warning("interrupted: %s is kept in %s", kept, output)
    summary = {
        "model": str(output),
        "preset": chosen.name,
        "parameters": files.metrics["parameters"],
        "size_bytes": size_bytes(output),
        "train_seconds": files.metrics["train_seconds"],
        "validation": files.metrics["validation"],
        "test": files.metrics["test"],
        "seed": config.seed,
    }
    return summary, fitted.stopped


def _test_labels(splits: Splits) -> NDArray[np.int64]:
    """The test split's class indices: found before training, as they may not be the model's."""
    if splits.test is None:
        return np.empty(0, np.int64)
    classes, _ = encode_labels(splits.train["label"])
    return encode_labels(splits.test["label"], classes)[1]
