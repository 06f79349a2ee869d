"""One training run from data to a written model folder: what `wave-network train` does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wave_network.config import Preset, get_preset, override
from wave_network.data import (
    Splits,
    column,
    encode_label_sets,
    encode_labels,
    has_label_lists,
)
from wave_network.data.batch import Targets
from wave_network.data.label_sets import encode_targets
from wave_network.evaluation.metrics import summarize_for
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import ModelFiles, check_output, size_bytes
from wave_network.persistence.keeping import write_trained
from wave_network.runtime import Engine
from wave_network.training.continual import continued_classes
from wave_network.training.device import resolve_device
from wave_network.training.fit import fit
from wave_network.training.progress import TrainingBar
from wave_network.training.tracking import epoch_log

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
        tokenizer: As for `fit`.
        console: Where progress is drawn.
        unlabeled: As for `fit`.
        base: As for `fit`.
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
    test_targets = _test_targets(splits, base)
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
            base=base,
            progress=progress,
        )
    files, stopped = fitted.files, fitted.stopped
    if splits.test is not None and test_targets is not None:
        try:
            probabilities = Engine(files).predict_proba(column(splits.test, "text"))
        except KeyboardInterrupt:  # the model is trained, and is kept
            stopped = "interrupted"
        else:
            test = summarize_for(files.config, probabilities, test_targets)
            files = replace(files, metrics={**files.metrics, "test": test})
    write_trained(
        output,
        files,
        card=render_card(files),
        history=fitted.history,
        overwrite=overwrite,
    )
    if stopped == "interrupted":
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
    return summary, stopped


def _test_targets(splits: Splits, base: ModelFiles | None) -> Targets | None:
    """The test split's targets: found before training, as its labels may not be the model's."""
    if splits.test is None:
        return None
    multi_label = has_label_lists(splits.train)
    if base is None:
        encode = encode_label_sets if multi_label else encode_labels
        classes, _ = encode(splits.train["label"])
    else:
        classes = continued_classes(base, splits.train)
    return encode_targets(splits.test["label"], classes, multi_label=multi_label)
