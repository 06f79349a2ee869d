"""Predict the parts of a job, those that are not there yet, with any engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from wave_network._native.threads import current
from wave_network.data.summary import TextSummary, counted
from wave_network.errors import (
    DataError,
    OutputError,
    WaveNetworkError,
    current_caller,
    extra_needed,
    option_name,
)
from wave_network.huggingface.ids import HUB_PREFIX
from wave_network.persistence.atomic import check_new
from wave_network.persistence.one_run import one_run
from wave_network.persistence.paths import expanded
from wave_network.progress.stages import Stage, say, stage
from wave_network.scale.answers import Answers
from wave_network.scale.events import Listener, Outcome, Progress
from wave_network.scale.local import score_locally
from wave_network.scale.manifest import Manifest
from wave_network.scale.parts import Part, find_parts
from wave_network.scale.scorer import Done, Job, Scorer, model_digest

EngineName: TypeAlias = Literal["local", "ray"]

_MOST_NOTES: Final = 20


@dataclass(frozen=True)
class Report:
    """What a job has done.

    Attributes:
        parts: How many parts there are.
        skipped: How many of them were there already.
        read: What was read of the texts of the others.
    """

    parts: int
    skipped: int
    read: TextSummary


def predict_parts(
    model: str,
    names: Sequence[str],
    folder: Path,
    answers: Answers,
    *,
    output_format: str | None = None,
    engine: EngineName = "local",
    overwrite: bool = False,
) -> Report:
    """Predict files into a folder: each into a file of its own, whole or not at all.

    Parts that an earlier run wrote from the same input, with the same model and the same options,
    are there already and are not predicted again.

    Args:
        model: A model folder, or `hub:OWNER/NAME[@REVISION]`.
        names: Files and patterns, such as `part-*.parquet`.
        folder: The folder to write to.
        answers: How texts are read and answered.
        output_format: The format to write, such as `jsonl`. None: that of each file.
        engine: `local`, the processes of this machine; or `ray`, a Ray cluster that runs.
        overwrite: Whether all parts are written anew.

    Raises:
        ConfigError: If an option cannot be used, or there is no cluster.
        DataError: If there are no parts, or some could not be predicted; the others are whole.
        ModelFolderError: If the model cannot be used.
        OutputError: If the folder cannot be written, or holds something else.
        MissingExtraError: If a format or the engine needs a library that is not installed.
    """
    folder = expanded(folder)
    parts = find_parts(names, folder, output_format)
    if folder.exists() and not folder.is_dir():
        raise OutputError(
            f"{option_name('output')} {folder} is a file: name a folder, which gets a file for each"
            " part"
        )
    source = model if model.startswith(HUB_PREFIX) else os.path.abspath(expanded(Path(model)))
    digest = model_digest(model)
    job = Job(source, digest, folder.absolute(), answers, current(), current_caller())
    Scorer(job)  # finds what is wrong with the model and the options before anything is written
    run = _engine(engine)
    check_new(folder, overwrite=True)
    with one_run(folder):
        made_by = {"model": digest, "output_format": output_format, **answers.to_dict()}
        manifest = _manifest(folder, made_by, parts, overwrite=overwrite)
        waiting = [part for part in parts if not manifest.is_whole(part)]
        _say_what_is_there(parts, waiting, manifest)
        manifest.plan(waiting)
        with stage("predicting") as running:
            track = _Track(manifest, waiting, running)
            try:
                if waiting:
                    run(job, waiting, track.hear)
            finally:
                track.say_how_to_go_on(len(parts), overwrite=overwrite)
        if track.failures:
            raise _failed(track.failures, len(parts))
        return Report(len(parts), len(parts) - len(waiting), track.read)


def _engine(name: EngineName) -> Callable[[Job, Sequence[Part], Listener], None]:
    if name == "local":
        return score_locally
    from wave_network.scale.ray_cluster import connect

    connect()
    with extra_needed("ray", f"{option_name('engine')} ray"):
        from wave_network.scale.ray_scoring import score_on_ray
    return score_on_ray


def _manifest(
    folder: Path, made_by: Mapping[str, Any], parts: Sequence[Part], *, overwrite: bool
) -> Manifest:
    """Return the record of a job that goes on, or of a new one."""
    earlier = Manifest.read(folder)
    if earlier is not None and not overwrite:
        earlier.check_same(made_by)
        earlier.check_free(parts)
        return earlier
    manifest = Manifest(folder, made_by)
    if earlier is not None:
        earlier.remove_parts()
    elif not overwrite:
        manifest.check_free(parts)
    manifest.start()
    return manifest


def _say_what_is_there(parts: Sequence[Part], waiting: Sequence[Part], manifest: Manifest) -> None:
    if whole := len(parts) - len(waiting):
        say(f"{whole:,} of {counted(len(parts), 'part')} already predicted, left as they are")
    if changed := sum(part.output in manifest.finished for part in waiting):
        say(f"{counted(changed, 'part')} predicted again, as the input has changed")


def _failed(failures: Sequence[WaveNetworkError], parts: int) -> DataError:
    others = f" (and {len(failures) - 1:,} more)" if len(failures) > 1 else ""
    return DataError(
        f"{len(failures):,} of {counted(parts, 'part')} not predicted: {failures[0]}{others}"
    )


class _Track:
    """Follows the parts of a run: records those that are whole, and shows how far all are.

    Args:
        manifest: The record of the job.
        waiting: The parts of the run.
        running: Its stage.

    Attributes:
        read: What was read of the texts of the parts that are whole.
        failures: Why others are not.
    """

    def __init__(self, manifest: Manifest, waiting: Sequence[Part], running: Stage) -> None:
        self.read = TextSummary(0, None)
        self.failures: list[WaveNetworkError] = []
        self._manifest = manifest
        self._left = len(waiting)
        self._running = running
        self._notes: set[str] = set()
        self._bytes = sum(part.identity.bytes for part in waiting)
        self._bytes_read = 0  # of parts that have ended
        self._open: dict[str, Progress] = {}  # the parts that are predicted now

    def hear(self, event: Progress | Outcome) -> None:
        """Take note of what an engine tells.

        Raises:
            WaveNetworkError: If a part has failed in a way that all would.
        """
        if isinstance(event, Outcome):
            self._open.pop(event.part.output, None)
            self._bytes_read += event.part.identity.bytes
            self._end(event.part, event.result)
            self._left -= 1
        else:
            self._open[event.part.output] = event
        read = sum(one.share * one.part.identity.bytes for one in self._open.values())
        self._running.done = self.read.rows + sum(one.rows for one in self._open.values())
        self._running.reach((self._bytes_read + read) / max(self._bytes, 1))
        self._running.detail = f"{counted(self._left, 'part')} left"

    def _end(self, part: Part, result: Done | WaveNetworkError) -> None:
        if isinstance(result, DataError):
            self.failures.append(result)
        elif isinstance(result, WaveNetworkError):
            raise result
        else:
            self._manifest.finish(part, result.finished)
            self.read = self.read.joined(result.read)
            for note in result.notes:
                self._note(note)

    def _note(self, note: str) -> None:
        if note in self._notes:
            return
        self._notes.add(note)
        if len(self._notes) <= _MOST_NOTES:
            say(note)
        elif len(self._notes) == _MOST_NOTES + 1:
            say("further notes are left out")

    def say_how_to_go_on(self, parts: int, *, overwrite: bool) -> None:
        """Say what is there and how to go on, if the run has not predicted all parts."""
        missing = self._left + len(self.failures)
        if missing:
            without = f" without {option_name('overwrite')}" if overwrite else ""
            say(
                f"{parts - missing:,} of {counted(parts, 'part')} whole in {self._manifest.folder}:"
                f" the same command{without} goes on with the others"
            )
