"""Train a model and write its folder, as `wave-network train` does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from wave_network._native import threads
from wave_network.data import Splits, Table, TrainingData, column
from wave_network.data.labels import labelling_of
from wave_network.data.summary import DataSummary, TextSummary
from wave_network.evaluation.metrics import summarize_for
from wave_network.evaluation.unseen import (
    Encoded,
    Unseen,
    encode_with_unseen,
    measured_with_unseen,
)
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import ModelFiles, check_output, size_bytes
from wave_network.persistence.keeping import write_trained
from wave_network.progress.stages import say, tracked
from wave_network.runtime import Engine
from wave_network.runtime.counting import counted
from wave_network.text.counts import TextCounts
from wave_network.training.continual import continued_labelling
from wave_network.training.describe import Described
from wave_network.training.fit import Fitted, fit
from wave_network.training.model import check_torch, torch_is_needed
from wave_network.training.processes import dismiss_workers
from wave_network.training.progress import TrainingBar
from wave_network.training.recipe import Recipe
from wave_network.training.tracking import tracking
from wave_network.training.unfinished import Unfinished

logger = logging.getLogger(__name__)


def train_model(
    splits: Splits,
    recipe: Recipe,
    output: Path,
    *,
    overwrite: bool,
    unlabeled: Table | None = None,
    background: Table | None = None,
    log_to: str | None = None,
    unseen: Unseen = "error",
    unfinished: Unfinished | None = None,
    fit: Callable[..., Fitted] = fit,
) -> tuple[dict[str, Any], str | None]:
    """Train a model, evaluate it on the test split, and write its folder.

    Args:
        splits: The data.
        recipe: How to train.
        output: The model folder to write.
        overwrite: Replace it if it exists.
        unlabeled: As in `TrainingData`.
        unseen: What becomes of validation and test rows whose label training never saw.
        background: As in `TrainingData`.
        unfinished: Keeps the state of the training until the model is written.
        fit: Trains as `fit` does, here or elsewhere.
        log_to: Where to log the metrics of every epoch: `tensorboard:DIR` or `wandb:PROJECT`.

    Returns:
        What `train --json` prints, and why training stopped early (see `TrainResult`).

    Raises:
        WaveNetworkError: If an option, the data or the output cannot be used.
    """
    check_torch(recipe.preset.config, recipe.config)
    check_output(output, overwrite=overwrite)
    if torch_is_needed(recipe.preset.config, recipe.config) is None and dismiss_workers():
        logger.info(
            "%s is trained by compiled code, in one process and its threads: the others end",
            recipe.preset.name,
        )
    data = TrainingData(
        splits.train,
        splits.validation,
        unlabeled,
        background,
        splits.classes,
        sources=splits.sources,
        left_out=splits.left_out,
        unseen=unseen,
    )
    # Before training, so that unknown labels in the test split are reported at once.
    test = _encoded_test(data, splits.test, recipe.base)
    settings = {"preset": recipe.preset.name, **recipe.config.to_dict()}
    with tracking(log_to, settings) as track, TrainingBar(track) as progress:
        fitted = fit(
            data,
            recipe,
            progress,
            checkpoints=None if unfinished is None else unfinished.checkpoints(),
        )
    files, stopped, summary = fitted.files, fitted.stopped, fitted.described.summary
    if splits.test is not None and test is not None:
        try:
            engine, counts = counted(Engine(files))
            texts = tracked(
                column(splits.test, "text"), "predicting the test texts", len(splits.test)
            )
            with threads.using(recipe.threads):
                probabilities = engine.predict_proba(texts)
        except KeyboardInterrupt:  # the model is trained, and is kept
            stopped = "interrupted"
        else:
            labelling = labelling_of(files.config)
            measured = measured_with_unseen(summarize_for, labelling, probabilities, test)
            summary = _with_test(summary, counts, fitted.described, splits.sources.get("test"))
            summary = replace(summary, unseen={**summary.unseen, "test": test.unseen})
            for line in summary.test_lines():
                say(line)
            facts = {**files.metrics, **summary.to_dict(examples=False), "test": measured}
            files = replace(files, metrics=facts)
    card = render_card(files)
    if unfinished is not None:
        unfinished.write_marker()
    write_trained(output, files, card=card, history=fitted.history, overwrite=overwrite)
    if stopped == "interrupted":
        _warn_of_interrupt(output, files.metrics["best_epoch"])
    cache = None if recipe.cache is None else recipe.cache.summary()
    result = {**_summary(output, files), **summary.to_dict(examples=True), "cache": cache}
    return result, stopped


def _with_test(
    summary: DataSummary, counts: TextCounts, described: Described, source: str | None
) -> DataSummary:
    """Add the test texts to the summary."""
    test = TextSummary.of(counts, source, described.hashes)
    unlabelled = summary.unlabeled
    if unlabelled is not None and not unlabelled.taught:
        shared = int(np.isin(counts.hashes(), described.unlabelled).sum())
        unlabelled = replace(unlabelled, in_test=shared)
    return replace(summary, parts={**summary.parts, "test": test}, unlabeled=unlabelled)


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
        "validation_standard_error": files.metrics["validation_standard_error"],
        "test": files.metrics["test"],
        "seed": files.training["seed"],
    }


def _encoded_test(
    data: TrainingData, test: Table | None, base: ModelFiles | None
) -> Encoded | None:
    if test is None:
        return None
    labelling = data.labelling() if base is None else continued_labelling(base, data)
    return encode_with_unseen(labelling, test["label"], data.unseen, data.sources.get("test"))
