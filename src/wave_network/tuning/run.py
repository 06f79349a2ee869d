"""Run a search and keep the best model: the work of `wave-network tune`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from wave_network._version import __version__
from wave_network.config import LocalWaveConfig, Preset, get_preset
from wave_network.config.checks import check_choice
from wave_network.config.options import NO_VECTORS
from wave_network.config.settings import customize
from wave_network.data import TrainingData
from wave_network.data.labels import Labelling
from wave_network.data.summary import SUMMARY_KEYS
from wave_network.errors import ConfigError, OutputError
from wave_network.persistence.atomic import replacing_file
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import read_model, size_bytes
from wave_network.persistence.keeping import write_trained
from wave_network.progress.stages import say, stage
from wave_network.training.fit import Fitted, fit
from wave_network.training.interrupt import StopSignal
from wave_network.training.model import check_torch
from wave_network.training.recipe import Recipe
from wave_network.tuning.progress import TrialBar
from wave_network.tuning.space import SearchSpace, class_weights_may_help
from wave_network.tuning.study import (
    CUT,
    DIRECTIONS,
    FINISHED,
    MODEL,
    OUTCOME,
    SETTINGS,
    TRIALS,
    Study,
    check_folder,
    fingerprint,
)


@dataclass(frozen=True)
class TuneOptions:
    """The options of a search.

    Attributes:
        preset: The starting point of the search.
        output: Folder for the trials, the best settings and the best model.
        metric: The validation metric to optimise: `accuracy`, `macro_f1` or `loss`; multi-label
            also `micro_f1`, and `accuracy` is the subset accuracy. None: `accuracy`, multi-label
            `micro_f1`.
        seconds: Time limit for all trials, including those of earlier calls; None: no limit.
        trials: Maximum number of trials, including those of earlier calls; None: no limit.
        max_size: Maximum size of the model folder in bytes; None: about the preset's.
        seed: Seed of training, of the split, and of the search.
        device: The device to train on.
    """

    preset: str
    output: Path
    metric: str | None = None
    seconds: float | None = None
    trials: int | None = None
    max_size: int | None = None
    seed: int = 0
    device: str = "auto"


def tune(
    data: TrainingData,
    options: TuneOptions,
    trials: Callable[[Search], Iterator[None]] | None = None,
) -> tuple[dict[str, Any], bool]:
    """Try settings, the preset's first, and keep the model with the best validation metric.

    Trials are stored in the output folder; repeating the call continues the search.

    Args:
        data: All trials are compared on its validation texts. Without any, rows are held out as
            in `fit`.
        options: The options of the search.
        trials: Runs the trials, and yields after each; None: `one_after_another`.

    Returns:
        What `tune --json` prints, and whether Ctrl-C ended the search.

    Raises:
        WaveNetworkError: If an option, the data or the output cannot be used.
    """
    started = time.perf_counter()
    labelling, preset, output = data.labelling(), options.preset, options.output
    metric = _metric(options.metric, labelling)
    # Vectors fill the vocabulary, whose size is searched; `train --config` decides on them anew.
    given = {"seed": options.seed, "device": options.device, "vectors": NO_VECTORS}
    chosen = customize(get_preset(preset), given)
    if chosen.config is not LocalWaveConfig:
        raise ConfigError(f"{preset} is the papers' own model: tune small, tiny or large")
    check_torch(chosen.config, chosen.train)
    check_folder(output)
    searched = {
        "version": __version__,
        "data": fingerprint((data.rows, data.validation)),
        "preset": preset,
        "metric": metric,
        "max-size": options.max_size,
        "seed": options.seed,
    }
    targets = data.targets(labelling)
    class_weights = class_weights_may_help(metric, targets, labelling)
    # Keep classes whose every row is held out.
    data = replace(data, classes=labelling.classes)
    if data.validation is None:
        kept, held_out = labelling.split(targets, chosen.train.validation_fraction, options.seed)
        rows, validation = data.rows.select(kept), data.rows.select(held_out)
        data = replace(data, rows=rows, validation=validation, held_out=True)
    with stage("measuring the vocabulary"):
        space = SearchSpace.around(
            chosen, data.rows, labelling, options.max_size, class_weights=class_weights
        )
    study = Study(output, metric, searched)
    try:
        if study.ranked() and not (output / MODEL).is_dir():
            raise OutputError(f"{output / MODEL} is gone: remove {output} to begin again")
        if before := len(study.ended()):
            say(f"continuing the search; trials so far: {before}")
        seconds = options.seconds
        deadline = None if seconds is None else started + seconds - study.seconds()
        search = Search(study, space, data, options, metric, deadline)
        interrupted = search.run(trials or one_after_another)
        return search.summary(), interrupted
    except StorageInternalError as error:
        raise OutputError(f"{output / TRIALS} cannot be written: {error.__cause__}") from error
    finally:
        study.close()


def _metric(name: str | None, labelling: Labelling) -> str:
    """Return the metric to optimise: the given one, or the default for the kind of labels."""
    if name is None:
        return "micro_f1" if labelling.multi_label else "accuracy"
    check_choice("metric", name, tuple(DIRECTIONS))
    if name == "micro_f1" and not labelling.multi_label:
        raise ConfigError(
            "micro_f1 is for multi-label data: with one label per text it equals accuracy, so use "
            "accuracy"
        )
    return name


class Attempt(NamedTuple):
    """What became of training with the settings of a trial.

    Attributes:
        preset: The preset with these settings, and the model; None if they were refused.
        refused: Why they cannot be trained.
        pruned: Whether training was ended because it was not promising.
        out_of_time: Whether the deadline ended it.
    """

    fitted: tuple[Preset, Fitted] | None
    refused: str = ""
    pruned: bool = False
    out_of_time: bool = False


@dataclass
class Search:
    """A running search: what its trials share.

    Attributes:
        data: Training and validation data.
        deadline: When training must end, in seconds of `time.perf_counter`; None: never.
    """

    study: Study
    space: SearchSpace
    data: TrainingData
    options: TuneOptions
    metric: str
    deadline: float | None
    _has_described: bool = False

    @property
    def output(self) -> Path:
        """The folder of the best model."""
        return self.options.output

    def run(self, trials: Callable[[Search], Iterator[None]]) -> bool:
        """Run trials until a limit is reached; return whether Ctrl-C ended them earlier.

        Args:
            trials: Runs them, and yields after each.
        """
        left = None if self.deadline is None else self.deadline - time.perf_counter()
        with stage("tuning", self.options.trials, "trials", left) as tuning:
            tuning.done = len(self.study.ended())
            try:
                for _ in trials(self):
                    tuning.done = len(self.study.ended())
            except KeyboardInterrupt:
                return True
        return False

    def summary(self) -> dict[str, Any]:
        """Return the results of the search, as `tune --json` prints them."""
        ranked = self.study.ranked()
        best = ranked[0] if ranked else None
        kept = read_model(self.output / MODEL).metrics if (self.output / MODEL).is_dir() else {}
        return {
            "output": str(self.output),
            "model": str(self.output / MODEL) if (self.output / MODEL).is_dir() else None,
            "settings": str(self.output / SETTINGS) if (self.output / SETTINGS).is_file() else None,
            "metric": self.metric,
            "score": best.value if best else None,
            "trials": len(self.study.ended()),
            "seconds": round(self.study.seconds(), 1),
            "importance": self.study.importance(),
            "ranking": [
                {
                    "trial": trial.number,
                    "score": trial.value,
                    "validation": trial.user_attrs["validation"],
                    "size_bytes": trial.user_attrs["size_bytes"],
                    "seconds": trial.user_attrs["seconds"],
                    "settings": trial.user_attrs["settings"],
                }
                for trial in ranked
            ],
            **{name: kept[name] for name in SUMMARY_KEYS if name in kept},
        }

    def may_start(self, running: int = 0) -> bool:
        """Whether another trial may start.

        Args:
            running: Number of trials that run already.
        """
        trials = self.options.trials
        if trials is not None and len(self.study.ended()) + running >= trials:
            return False
        if self.deadline is None or not (self.output / MODEL).is_dir():
            return True
        # Start no trial that cannot finish in time.
        known = [trial.user_attrs["seconds"] for trial in self.study.ranked()]
        return time.perf_counter() + min(known, default=0.0) < self.deadline

    def ask(self) -> optuna.Trial:
        """Begin a trial."""
        space = self.space
        return self.study.ask(space.distributions, space.starts, space.default.train.seed)

    def candidate(self, trial: optuna.Trial) -> Preset:
        """Return the preset with the settings of a trial.

        Raises:
            ConfigError: If they do not go together.
        """
        preset = self.space.candidate(trial.params)
        trial.set_user_attr("settings", self.space.settings(preset))
        return preset

    def try_here(self, trial: optuna.Trial) -> Attempt:
        """Train with the settings of a trial in this process.

        Raises:
            KeyboardInterrupt: If Ctrl-C came before there was a model; the trial is ended.
        """
        stop = StopSignal()
        first, self._has_described = not self._has_described, True
        bar = TrialBar(trial, self.metric, self.deadline, stop, describes=first)
        try:
            preset = self.candidate(trial)
            with bar:
                fitted = fit(self.data, Recipe(preset, preset.train), bar, stop)
        except ConfigError as error:
            return Attempt(None, refused=str(error))
        except KeyboardInterrupt:
            self.cut(trial)
            raise
        return Attempt((preset, fitted), pruned=bar.pruned, out_of_time=bar.out_of_time)

    def settle(self, trial: optuna.Trial, attempt: Attempt) -> bool:
        """End a trial; return whether another may follow.

        Raises:
            KeyboardInterrupt: If it was interrupted.
            ConfigError: If the first trial, the preset itself, cannot be trained.
        """
        if attempt.fitted is None:
            if not self.study.ranked():
                self.cut(trial)
                raise ConfigError(attempt.refused)
            self._end(trial, f"failed: {attempt.refused}", TrialState.FAIL)
            return True
        if attempt.pruned:
            self._end(trial, "pruned", TrialState.PRUNED)
            return True
        preset, fitted = attempt.fitted
        if fitted.stopped != "interrupted":
            self._finish(trial, preset, fitted)
            return True
        if not self.study.ranked():  # an unfinished model is better than none
            self._keep(preset, fitted)
        self.cut(trial)
        if not attempt.out_of_time:
            raise KeyboardInterrupt
        return False

    def cut(self, trial: optuna.Trial) -> None:
        """End a trial that did not come to its end."""
        self._end(trial, CUT, TrialState.FAIL)

    def _finish(self, trial: optuna.Trial, preset: Preset, fitted: Fitted) -> None:
        """Measure the size of the folder; keep the model if it is the best so far."""
        with TemporaryDirectory() as made:
            size = self._write(Path(made, MODEL), fitted)
        limit = self.options.max_size
        if limit is not None and size > limit:
            self._end(trial, f"too large: {size:,} bytes", TrialState.FAIL)
            return
        metrics = fitted.files.metrics
        score = metrics["validation"][self.metric]
        trial.set_user_attr("validation", metrics["validation"])
        trial.set_user_attr("size_bytes", size)
        trial.set_user_attr("seconds", metrics["train_seconds"])
        best = self._is_best(score)
        if best:
            self._keep(preset, fitted)
        trial.set_user_attr(OUTCOME, FINISHED)
        self.study.trials.tell(trial, score)
        say(
            f"trial {trial.number}  {self.metric} {score:.4f}  {size / 1e6:.2f} MB  "
            f"{metrics['train_seconds']:.1f} s{'  the best so far' if best else ''}"
        )

    def _is_best(self, score: float) -> bool:
        ranked = self.study.ranked()
        if not ranked or ranked[0].value is None:
            return True
        before = ranked[0].value
        return score > before if DIRECTIONS[self.metric] == "maximize" else score < before

    def _keep(self, preset: Preset, fitted: Fitted) -> None:
        self._write(self.output / MODEL, fitted)
        values = {"preset": preset.name, **self.space.settings(preset), "seed": preset.train.seed}
        with replacing_file(self.output / SETTINGS, overwrite=True) as file:
            file.write(json.dumps(values, indent=2) + "\n")

    def _write(self, folder: Path, fitted: Fitted) -> int:
        files = fitted.files
        card, history = render_card(files), fitted.history
        write_trained(folder, files, card=card, history=history, overwrite=True)
        return size_bytes(folder)

    def _end(self, trial: optuna.Trial, outcome: str, state: TrialState) -> None:
        """End a trial that has no score."""
        trial.set_user_attr(OUTCOME, outcome)
        self.study.trials.tell(trial, state=state)
        say(f"trial {trial.number}  {outcome}")


def one_after_another(search: Search) -> Iterator[None]:
    """Run the trials of a search in this process."""
    while search.may_start():
        trial = search.ask()
        goes_on = search.settle(trial, search.try_here(trial))
        yield
        if not goes_on:
            return
