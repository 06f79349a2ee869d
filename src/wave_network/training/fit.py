"""Train a classifier on texts and labels: all steps of a training run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from wave_network._native import threads
from wave_network.data import TrainingData, column
from wave_network.evaluation.metrics import standard_error, summarize_for
from wave_network.evaluation.out_of_scope import OutOfScope
from wave_network.evaluation.posthoc import PostHoc
from wave_network.evaluation.unseen import encode_with_unseen, measured_with_unseen
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import ModelFiles
from wave_network.runtime import Engine
from wave_network.text.counts import TextCounts
from wave_network.training.callbacks import SILENT, Progress
from wave_network.training.checkpoint import Checkpoints
from wave_network.training.continual import continued_labelling
from wave_network.training.describe import Described, describe
from wave_network.training.examples import (
    Split,
    ValidationMethod,
    join_examples,
    mix_targets,
    split_examples,
)
from wave_network.training.folds import FoldProgress, combined
from wave_network.training.interrupt import StopSignal
from wave_network.training.knowledge import Knowledge, gather
from wave_network.training.local_wave.waves_weight import waves_weight
from wave_network.training.loop import EpochChoice
from wave_network.training.model import check_torch, torch_is_needed
from wave_network.training.out_of_scope import fit_out_of_scope, refitted_out_of_scope
from wave_network.training.prepare import Prepared, prepare, reads_characters
from wave_network.training.reading import prepare_best_read
from wave_network.training.recipe import Recipe, Run
from wave_network.training.stages import Trained, calibrate, frequencies_of, refit, train_once
from wave_network.training.unlabelled import Taught

_VALIDATIONS: Final = 25
"""The most epochs that are validated in each fold of a cross-validation."""

_IMPORTED_BY: Final = os.getpid()  # another process number: this one was forked


@dataclass(frozen=True)
class Fitted:
    """A trained classifier and the record of its training.

    Attributes:
        files: The content of a model folder. Its metrics' `train_seconds` is the wall time from
            the texts to the trained weights: it includes the split, the tokenizer and encoding, but
            not reading and writing files.
        history: One record per epoch.
        stopped: Why training ended before its last epoch: `patience`, `interrupted`, or None.
        described: What was read of the data.
    """

    files: ModelFiles
    history: list[dict[str, Any]]
    stopped: str | None
    described: Described


def fit(
    data: TrainingData,
    recipe: Recipe,
    progress: Progress = SILENT,
    stop: StopSignal | None = None,
    checkpoints: Iterator[Checkpoints] | None = None,
) -> Fitted:
    """Train a classifier from scratch, or continue training one.

    Ctrl-C in the main thread ends training early and keeps the best epoch so far; before the first
    step, it raises `KeyboardInterrupt`.

    Args:
        data: Training data, and validation data if there is any.
        recipe: How to train.
        progress: Receives every stage, step and epoch.
        stop: Ends training early, as Ctrl-C does.
        checkpoints: As in `Run`.

    Raises:
        KeyboardInterrupt: With checkpoints, after a stop.
        DataError: If the data cannot be used: a single class, or a validation label that is not in
            the training data.
        ModelFolderError: If the tokenizer or teacher cannot be read.
        ConfigError: If an option does not fit the data, or makes training diverge; if the teacher's
            classes are not the data's, or unlabelled texts are for a continued or multi-label
            model.
        MissingExtraError: If training needs torch, which is not installed.
    """
    started = time.perf_counter()
    stop, base = stop or StopSignal(), recipe.base
    check_torch(recipe.preset.config, recipe.config)
    with _threads_of(recipe), stop.on_ctrl_c():
        labelling = data.labelling() if base is None else continued_labelling(base, data)
        run = Run(recipe.suited_to(data, labelling), labelling, progress, stop, checkpoints)
        split = split_examples(data, run)
        run, knowledge = gather(data, split, run)
        taught = knowledge.taught
        if taught is not None and taught.teaching is not None and split.given is None:
            outcome = _validated_by_teacher(data, split, run, knowledge, taught)
        elif split.method == "cross-validation":
            outcome = _cross_validated(data, split, run, knowledge)
        else:
            outcome = _validated_once(data, split, run, knowledge)
        stopped = "interrupted" if stop.take() else outcome.stopped
    method = "holdout" if data.held_out else outcome.method
    summary = replace(outcome.described.summary, method=method)
    metrics = {
        **summary.to_dict(examples=False),
        "parameters": parameter_counts(outcome.last.config),
        "training_texts": len(outcome.last.texts),
        "validation_texts": outcome.validation_texts,
        "refit": outcome.refitted,
        **({"in_pieces": True} if outcome.in_pieces else {}),
        **outcome.weights,
        "train_seconds": round(time.perf_counter() - started, 3),
        **_validation_metrics(outcome),
        "stopped": stopped,
        **outcome.frequencies,
    }
    files = _model_files(outcome, run, metrics)
    if split.unseen:
        files = replace(files, metrics={**metrics, "validation": _counting_unseen(files, data)})
    return Fitted(files, outcome.trained.result.history, stopped, outcome.described)


@contextmanager
def _threads_of(recipe: Recipe) -> Iterator[None]:
    """Let training use the threads of a recipe; with torch, one in a forked process.

    The threads of a parent do not exist in its child, where torch would wait for them for ever.
    """
    count = 1 if os.getpid() != _IMPORTED_BY else recipe.threads
    with threads.using(recipe.threads):
        if count is None or torch_is_needed(recipe.preset.config, recipe.config) is None:
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _counting_unseen(files: ModelFiles, data: TrainingData) -> dict[str, Any]:
    """Measure all validation texts, with those of unknown labels counted as wrong."""
    assert data.validation is not None
    engine = Engine(files)
    encoded = encode_with_unseen(engine.labelling, data.validation["label"], "count")
    probabilities = engine.predict_proba(column(data.validation, "text"))
    return measured_with_unseen(summarize_for, engine.labelling, probabilities, encoded)


class _Outcome(NamedTuple):
    """The results of all trainings of a run.

    Attributes:
        last: The model to keep.
        trained: The training that validation measured; of a cross-validation, the mean of all.
        calibrated: The temperature, thresholds and metrics.
        validation_texts: Number of texts that they are from.
        method: As in `Split`.
        stopped: As in `Fitted`.
        described: What was read of the data.
        refitted: Whether `last` was trained on the held-out texts, too.
        in_pieces: Whether texts are read in pieces of words.
        frequencies: The result of `frequencies_of`.
        scope: The out-of-scope score; None with too few held-out texts.
    """

    last: Prepared
    trained: Trained
    calibrated: PostHoc
    validation_texts: int
    method: ValidationMethod | None
    stopped: str | None
    described: Described
    refitted: bool = False
    in_pieces: bool = False
    frequencies: Mapping[str, Any] = MappingProxyType({})
    scope: OutOfScope | None = None

    @property
    def weights(self) -> dict[str, float]:
        """The weights of the linear part and of the waves, for `metrics.json`."""
        margin = self.trained.margin
        if margin is None:  # no linear part
            return {}
        texts = self.frequencies.get("represented_texts", len(self.last.texts))
        return {"margin_weight": margin, "waves_weight": waves_weight(texts)}


def _validated_once(data: TrainingData, split: Split, run: Run, knowledge: Knowledge) -> _Outcome:
    """Train on all texts but those held out, and refit on all of them if the recipe says so."""
    base, examples, held_out = run.recipe.base, split.training, split.given
    if split.parts:
        ((_, held),) = split.parts
        held_out = split.everything.select(held)
    frequencies = frequencies_of(examples, base)
    taught = knowledge.taught
    if taught is not None and taught.teaching is not None:
        examples, _ = taught.examples(examples, run)
    else:
        examples = mix_targets(examples, data.unlabeled, run)
    already = knowledge.prepared if examples is split.training else None
    first, run = prepare_best_read(examples, run, already)
    counts = TextCounts(first.tokenizer)
    validation = None if held_out is None else first.pack(held_out, counts)
    held_counts = None if held_out is None else counts
    described = describe(data, split, run, first.counts, held_counts, knowledge.counted_in(first))
    # The model may have seen held-out texts before: they favour the epoch that forgot least.
    choice = EpochChoice(best=base is None or data.validation is not None)
    trained = train_once(first, validation, frequencies, run, choice)
    calibrated = calibrate(trained, held_out, run)
    scope = None
    if held_out is not None and validation is not None and trained.logits is not None:
        scope = fit_out_of_scope(first, data.background, held_out, validation, trained.logits, run)
    last, stopped = first, trained.result.stopped
    characters = reads_characters(examples, first.tokenizer)
    validation_texts = 0 if validation is None else len(validation)
    texts = len(first.texts) + validation_texts
    refits = held_out is not None and run.recipe.refits(data, texts, characters=characters)
    if held_out is not None and refits and stopped != "interrupted":
        second = refit(join_examples(examples, held_out), first, trained, run)
        last, stopped = (first, "interrupted") if second is None else (second, stopped)
        if second is not None:
            scope = refitted_out_of_scope(scope, first, second, None, data.background, run)
    return _Outcome(
        last,
        trained,
        calibrated,
        validation_texts,
        split.method,
        stopped,
        described,
        refitted=last is not first,
        in_pieces=run.recipe.in_pieces,
        frequencies=frequencies,
        scope=scope,
    )


def _validated_by_teacher(
    data: TrainingData, split: Split, run: Run, knowledge: Knowledge, taught: Taught
) -> _Outcome:
    """Train on all labelled texts, and on unlabelled ones with the teacher's probabilities.

    The cross-validation is that of the teacher: the model learns its answers, with its certainty.
    """
    split = taught.split(split.everything)
    examples, held_out = taught.examples(split.everything, run)
    prepared = prepare(examples, run)
    described = _described_whole(data, split, prepared, run, knowledge)
    trained = train_once(prepared, None, {}, run, EpochChoice())
    validation = prepared.pack(held_out)
    logits = prepared.model.logits(validation)
    calibrated = taught.calibrate(split.everything, held_out, logits, run)
    scope = fit_out_of_scope(prepared, data.background, held_out, validation, logits, run)
    tested = sum(len(held) for _, held in split.parts)
    stopped = trained.result.stopped
    return _Outcome(
        prepared, trained, calibrated, tested, split.method, stopped, described, scope=scope
    )


def _cross_validated(data: TrainingData, split: Split, run: Run, knowledge: Knowledge) -> _Outcome:
    """Train on all texts, with all that validation decides from models of the folds.

    An interruption keeps the model of the last fold that was completed, or of the first one.
    """
    examples = mix_targets(split.everything, data.unlabeled, run)
    texts = np.arange(len(examples.rows))  # the unlabelled ones are at the end, in no fold
    # Few texts may have hundreds of epochs, and validating each would take most of the time.
    choice = EpochChoice(validations=_VALIDATIONS if run.config.patience is None else None)
    results: list[Trained] = []
    for number, (_, held) in enumerate(split.parts, start=1):
        progress = FoldProgress(run.progress, number, len(split.parts))
        in_fold = replace(run, progress=progress)
        kept = np.delete(texts, held)
        prepared = prepare(examples.select(kept), in_fold)
        held_out = split.everything.select(held)
        if not results:
            described = _described_whole(data, split, prepared, run, knowledge)
        validation = prepared.pack(held_out)
        trained = train_once(prepared, validation, {}, in_fold, choice)
        interrupted = trained.result.stopped == "interrupted"
        if not results or not interrupted:
            calibrated = calibrate(trained, held_out, in_fold)
            so_far = _Outcome(prepared, trained, calibrated, len(held), "holdout", None, described)
        if interrupted:
            return so_far._replace(stopped="interrupted")
        results.append(trained)
    mean = _combined(results)
    for record in mean.result.history:
        run.progress.epoch(record)
    scope = None
    if trained.logits is not None:  # of the last fold
        logits = trained.logits
        scope = fit_out_of_scope(prepared, data.background, held_out, validation, logits, run)
    held = np.concatenate([held for _, held in split.parts])
    calibrated = calibrate(mean, split.everything.select(held), run)
    last = refit(examples, prepared, mean, run)
    stopped = mean.result.stopped
    outcome = _Outcome(
        prepared, mean, calibrated, len(held), split.method, stopped, described, scope=scope
    )
    if last is None:
        return outcome._replace(stopped="interrupted")
    scope = refitted_out_of_scope(scope, prepared, last, kept, data.background, run)
    return outcome._replace(last=last, refitted=True, scope=scope)


def _described_whole(
    data: TrainingData, split: Split, prepared: Prepared, run: Run, knowledge: Knowledge
) -> Described:
    """Describe the data of a cross-validation, which are few texts."""
    counts = TextCounts(prepared.tokenizer)
    prepared.pack(split.everything, counts)
    return describe(data, split, run, counts, None, knowledge.counted_in(prepared))


def _combined(results: Sequence[Trained]) -> Trained:
    """Combine the trainings of all folds; the weight of the margins is their geometric mean."""
    margins = [trained.margin for trained in results if trained.margin is not None]
    margin = float(np.exp(np.mean(np.log(margins)))) if margins else None
    logits = np.concatenate([trained.logits for trained in results if trained.logits is not None])
    return Trained(combined([trained.result for trained in results]), margin, logits)


def _model_files(outcome: _Outcome, run: Run, metrics: Mapping[str, Any]) -> ModelFiles:
    """Collect the content of the model folder."""
    last, calibrated = outcome.last, outcome.calibrated
    return ModelFiles(
        config=replace(last.config, thresholds=calibrated.thresholds),
        tensors=last.model.tensors,
        tokenizer=last.tokenizer,
        preset=run.recipe.preset.name,
        training=run.config.to_dict(),
        metrics=metrics,
        temperature=calibrated.temperature,
        conformal_thresholds=calibrated.conformal_thresholds,
        out_of_scope=outcome.scope,
    )


def _validation_metrics(outcome: _Outcome) -> dict[str, Any]:
    """Return the metrics of training and validation, for `metrics.json`."""
    result, calibrated = outcome.trained.result, outcome.calibrated
    error = None
    if calibrated.metrics is not None:
        error = standard_error(calibrated.metrics["accuracy"], outcome.validation_texts)
    return {
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "validation": calibrated.metrics,
        "validation_standard_error": error,
        "calibration": _calibration_metrics(calibrated),
        "test": None,
    }


def _calibration_metrics(calibrated: PostHoc) -> dict[str, Any] | None:
    """Return the validation metrics before and after calibration; None without calibration."""
    if calibrated.temperature is None or calibrated.metrics is None:
        return None
    assert calibrated.uncalibrated is not None
    names = ("loss", "ece", "brier")
    sides = {"before": calibrated.uncalibrated, "after": calibrated.metrics}
    metrics = {side: {name: values[name] for name in names} for side, values in sides.items()}
    return {"temperature": calibrated.temperature, **metrics}
