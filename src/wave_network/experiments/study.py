"""A study: the options that all experiments share, and the runs measured so far.

Every run is stored in a file of its own as soon as it is done, and a training run every five
minutes, so an interrupted study goes on where it stopped, and a finished run is never repeated.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from rich.console import Console

from wave_network._version import __version__
from wave_network.config import Device
from wave_network.errors import DataError, OutputError
from wave_network.persistence.atomic import replacing_file
from wave_network.progress.stages import stage

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Any]

if TYPE_CHECKING:
    from wave_network.training.checkpoint import Checkpoints

RUNS: Final = "runs"
_UNFINISHED: Final = ".unfinished"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of all experiments.

    Attributes:
        output: Folder of the report and of everything measured.
        data_dir: Folder with one folder a data set; None reads them from the Hub.
        datasets: Names of data sets; None takes those that each experiment has in the paper.
        models: Names of models; None takes all that an experiment compares.
        seeds: Seeds 0, 1, ...: how many.
        epochs: Passes over the training texts; None takes each experiment's own.
        limit: At most so many training and so many test texts; None takes all.
        device: As for training.
        encoder: Folder or Hub id of the pretrained encoder; None takes the first of BERT base and
            the stand-in that can be had.
    """

    output: Path
    data_dir: Path | None = None
    datasets: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    seeds: int = 3
    epochs: int | None = None
    limit: int | None = None
    device: Device = "auto"
    encoder: str | None = None


class Study:
    """Measures the missing runs, and returns everything measured.

    Args:
        options: The options of all experiments.
        console: Prints progress, one line per run.
    """

    def __init__(self, options: Options, console: Console) -> None:
        self.options = options
        self.console = console

    def once(
        self, experiment: str, key: Mapping[str, Value], measure: Callable[[], Iterable[Row]]
    ) -> list[Row]:
        """The rows of one run: from its file if there is one, else measured and stored.

        Args:
            experiment: Name of the experiment.
            key: Identifies the run; each row gets these columns first.
            measure: Makes the rows. A column that starts with `_` stays out of the CSV file.

        Raises:
            OutputError: If the run cannot be stored.
        """
        path = self._runs(experiment) / f"{_slug(key)}.json"
        if path.exists():
            self.checkpoints(experiment, key).remove()  # it may have been killed before doing so
            return _rows_of(path)
        self.console.print(f"{experiment}: {_in_words(key)}", highlight=False, soft_wrap=True)
        started = time.perf_counter()
        with stage(f"{experiment}: {_in_words(key)}"):
            rows = [dict(row) for row in measure()]
        run = {
            "key": dict(key),
            "conditions": {**conditions(), "seconds": round(time.perf_counter() - started, 1)},
            "rows": rows,
        }
        with replacing_file(path, overwrite=False) as file:
            json.dump(run, file, ensure_ascii=False)
        self.checkpoints(experiment, key).remove()
        return _rows_of(path)

    def checkpoints(self, experiment: str, key: Mapping[str, Value]) -> Checkpoints:
        """Where the training of an unfinished run is stored, so that it goes on from there."""
        from wave_network.training.checkpoint import Checkpoints

        return Checkpoints(self._runs(experiment) / f"{_slug(key)}{_UNFINISHED}")

    def key(self, **columns: Value) -> Row:
        """A run's key: the given columns, and those options that change what is measured."""
        return {**columns, "epochs": self.options.epochs, "limit": self.options.limit}

    def wanted(self, models: Iterable[str]) -> list[str]:
        """Those of an experiment's models that the user has not left out."""
        chosen = self.options.models
        return [name for name in models if chosen is None or name in chosen]

    def rows(self, experiment: str) -> list[Row]:
        """All rows of an experiment that the output folder holds, run by run.

        Raises:
            OutputError: If a run's file is damaged.
        """
        folder = self._runs(experiment)
        return [row for path in sorted(folder.glob("*.json")) for row in _rows_of(path)]

    def conditions(self, experiment: str) -> list[Row]:
        """The distinct conditions under which an experiment's runs were measured."""
        found: list[Row] = []
        for path in sorted(self._runs(experiment).glob("*.json")):
            one = {k: v for k, v in _read(path)["conditions"].items() if k not in _OF_ONE_RUN}
            if one not in found:
                found.append(one)
        return found

    def write_csv(self, experiment: str) -> Path | None:
        """Write every row of an experiment as `data/EXPERIMENT.csv`; None if there is no row."""
        rows = self.rows(experiment)
        if not rows:
            return None
        columns = list(dict.fromkeys(name for row in rows for name in row if name[0] != "_"))
        path = self.options.output / "data" / f"{experiment}.csv"
        with replacing_file(path, overwrite=True) as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def _runs(self, experiment: str) -> Path:
        return self.options.output / RUNS / experiment


_OF_ONE_RUN: Final = ("date", "seconds")


def conditions() -> Row:
    """Where and with what a run is measured."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "wave_network": __version__,
        "torch": version("torch"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
    }


def grouped(rows: Iterable[Row], columns: Iterable[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by their values in some columns, in the order of their first occurrence."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    names = tuple(columns)
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def _rows_of(path: Path) -> list[Row]:
    run = _read(path)
    return [{**run["key"], **row} for row in run["rows"]]


def _read(path: Path) -> dict[str, Any]:
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not {"key", "conditions", "rows"} <= run.keys():
            raise DataError("fields are missing")
    except (OSError, ValueError, AttributeError) as error:
        raise OutputError(f"{path} is damaged ({error}): delete it to measure it again") from error
    return run


def _slug(key: Mapping[str, Value]) -> str:
    words = (f"{name}-{value}" for name, value in key.items() if value is not None)
    # What a file's name cannot hold is quoted, so that no two keys share a file.
    return quote("_".join(words), safe="+=,")


def _in_words(key: Mapping[str, Value]) -> str:
    return ", ".join(
        str(value) if isinstance(value, str) else f"{name} {value}"
        for name, value in key.items()
        if value is not None
    )
