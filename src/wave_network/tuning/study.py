"""The trials of a search, stored in an Optuna study on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from wave_network.data import Table
from wave_network.errors import ConfigError, OutputError, option_name
from wave_network.persistence.atomic import check_new
from wave_network.persistence.paths import check_utf8

DIRECTIONS: Final[Mapping[str, Literal["maximize", "minimize"]]] = {
    "accuracy": "maximize",
    "micro_f1": "maximize",
    "macro_f1": "maximize",
    "loss": "minimize",
}
"""The metrics, and whether higher or lower is better."""

TRIALS: Final = "trials.sqlite"
SETTINGS: Final = "tuned.json"
MODEL: Final = "model"

OUTCOME: Final = "outcome"
"""The trial attribute for how it ended; missing if the program was killed."""
FINISHED: Final = "finished"
CUT: Final = "cut short"

_ROWS_AT_ONCE: Final = 1_000
_NAME: Final = "wave-network tune"
_STARTUP_TRIALS: Final = 6  # random trials, before earlier ones guide the search
_TRIALS_TO_RANK: Final = 8  # fewer do not allow an estimate of importance


def check_folder(output: Path) -> None:
    """Check that trials can be stored in a folder.

    Raises:
        OutputError: If the folder exists without trials, or cannot be created.
    """
    check_utf8(output.absolute(), "output")
    check_new(output, overwrite=True)
    if not output.exists() or (output / TRIALS).is_file():
        return
    if not output.is_dir() or any(output.iterdir()):
        raise OutputError(
            f"{output} exists and holds no trials: choose another {option_name('output')}"
        )


class Study:
    """The trials of one folder.

    Args:
        folder: The folder of `trials.sqlite`.
        metric: The metric to optimise.
        searched: What identifies the search, by option name: data, preset, limits. A folder with
            trials of another search is refused.

    Raises:
        ConfigError: If the folder holds trials of another search.
        OutputError: If the file is damaged or cannot be written.
    """

    def __init__(self, folder: Path, metric: str, searched: Mapping[str, Any]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path = folder / TRIALS
        url = URL.create("sqlite", database=str(path)).render_as_string()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._storage = optuna.storages.RDBStorage(url)
            self.trials = optuna.create_study(
                storage=self._storage,
                study_name=_NAME,
                direction=DIRECTIONS[metric],
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
            )
        except (SQLAlchemyError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise OutputError(
                f"{path} cannot be used: {reason}; choose another {option_name('output')}"
            ) from None
        self._metric = metric
        self._check(folder, searched)
        for trial in self.trials.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
            self.trials.tell(trial.number, state=TrialState.FAIL)  # its program was killed

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def ended(self) -> list[FrozenTrial]:
        """Return the trials that were not cut short: finished, pruned, failed, or too large."""
        every = self.trials.get_trials(deepcopy=False)
        return [trial for trial in every if trial.user_attrs.get(OUTCOME, CUT) != CUT]

    def ranked(self) -> list[FrozenTrial]:
        """Return the finished trials, the best first; ties by number."""
        sign = -1 if DIRECTIONS[self._metric] == "maximize" else 1
        finished = [t for t in self.ended() if t.user_attrs[OUTCOME] == FINISHED]
        return sorted(finished, key=lambda trial: sign * (trial.value or 0.0))

    def seconds(self) -> float:
        """Return the time of all trials, in seconds."""
        every = self.trials.get_trials(deepcopy=False)
        # If the program was killed, the duration of its trial is unknown.
        known = [trial.duration for trial in every if OUTCOME in trial.user_attrs]
        return sum(duration.total_seconds() for duration in known if duration)

    def ask(
        self,
        distributions: dict[str, optuna.distributions.BaseDistribution],
        starts: Sequence[dict[str, Any]],
        seed: int,
    ) -> optuna.Trial:
        """Return the next trial: the starting points first, until each has ended.

        The random trials after them keep about half of the default's settings. Changing all at
        once rarely improves a model, and a short search has few trials.
        """
        running = len(self.trials.get_trials(deepcopy=False, states=[TrialState.RUNNING]))
        # Without those that were cut short, so that a continued search equals an uninterrupted one.
        count = len(self.ended()) + running
        self.trials.sampler = optuna.samplers.TPESampler(
            n_startup_trials=_STARTUP_TRIALS,
            multivariate=True,
            seed=seed + count,
            constant_liar=bool(running),  # try other settings than those that run
        )
        if count < len(starts):
            self.trials.enqueue_trial(starts[count])
        elif count <= _STARTUP_TRIALS:
            random = Random(seed + count)
            kept = {name: value for name, value in starts[0].items() if random.random() < 0.5}
            self.trials.enqueue_trial(kept)
        return self.trials.ask(fixed_distributions=distributions)

    def importance(self) -> dict[str, float] | None:
        """Return each setting's share of the metric's variance; None with too few trials."""
        finished = self.ranked()
        if len(finished) < _TRIALS_TO_RANK or len({trial.value for trial in finished}) < 2:
            return None
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(self.trials, evaluator=evaluator)
        return {name: float(value) for name, value in found.items()}

    def _check(self, folder: Path, searched: Mapping[str, Any]) -> None:
        before = self.trials.user_attrs.get("searched")
        if before is None:
            self.trials.set_user_attr("searched", dict(searched))
            return
        for name, value in searched.items():
            if before.get(name) != value:
                self.close()
                raise ConfigError(
                    f"{folder} holds trials with another {name}: choose another "
                    f"{option_name('output')}, or repeat the options of those trials"
                )


def fingerprint(parts: Iterable[Table | None]) -> str:
    """Hash texts and labels."""
    digest = hashlib.sha256()
    for part in parts:
        if part is None:
            continue
        for start in range(0, len(part), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            chunk = (part["text"][rows], part["label"][rows])
            digest.update(repr(chunk).encode("utf-8", "replace"))
    return digest.hexdigest()
