"""Predict one part: what every worker does, in this process, in another, or on another machine."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from wave_network.data.kept_columns import KeptColumns
from wave_network.data.rows import iter_texts
from wave_network.data.summary import TextSummary
from wave_network.data.writing import write_records
from wave_network.errors import Caller, DataError, ModelFolderError, NoRowsError, as_caller
from wave_network.persistence.atomic import replacing_file
from wave_network.persistence.contents import read_contents
from wave_network.persistence.folder import resolve_source
from wave_network.persistence.format import CHECKED
from wave_network.progress.stages import Stage, shower, stage
from wave_network.runtime import load
from wave_network.runtime.counting import counted
from wave_network.runtime.records import prediction_record
from wave_network.scale.answers import Answers
from wave_network.scale.cache import digest_of_file
from wave_network.scale.manifest import Finished
from wave_network.scale.parts import FileIdentity, Part

if TYPE_CHECKING:
    from pyarrow import DataType

    from wave_network.text.counts import TextCounts

_ROWS_APART: Final = 256
_SECONDS_APART: Final = 0.2

Advance = Callable[[int, float], None]
"""Receives the rows of a part that are done, and the share of its input that is read, 0 to 1."""


@dataclass(frozen=True)
class Job:
    """What a worker must know, besides the parts.

    Attributes:
        model: A model folder, as an absolute path, or `hub:OWNER/NAME`.
        digest: What `model_digest` gives of it.
        folder: The folder to write to.
        answers: How texts are read and answered.
        threads: How many threads a worker uses.
        caller: The interface to word messages for.
    """

    model: str
    digest: str
    folder: Path
    answers: Answers
    threads: int
    caller: Caller


@dataclass(frozen=True)
class Done:
    """A part that a worker has written.

    Attributes:
        finished: What is in the record of the job.
        read: What was read of its texts.
        notes: What else there is to say.
    """

    finished: Finished
    read: TextSummary
    notes: tuple[str, ...]


class Scorer:
    """Loads the model once, and predicts part after part.

    Args:
        job: The job.

    Raises:
        ConfigError: If the model cannot give such answers.
        ModelFolderError: If the model cannot be read here, or is not that of the job.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        with as_caller(job.caller):
            self._engine = load(job.model, job.threads)
            coverage = job.answers.coverage
            self._set_threshold = (
                None if coverage is None else self._engine.conformal_threshold(coverage)
            )
            if model_digest(job.model) != job.digest:
                raise ModelFolderError(
                    f"{job.model} is not the model that this job started with: give all workers the"
                    " same folder, and do not change it meanwhile"
                )
            self._engine.predict([""], job.answers.threshold, out_of_scope=job.answers.out_of_scope)

    def write(self, part: Part, advance: Advance) -> Done:
        """Predict a part, and write it whole or not at all.

        Args:
            part: The part.
            advance: Is called a few times in a second; an error that it raises ends the work.

        Raises:
            DataError: If the part cannot be read.
            OutputError: If it cannot be written.
        """
        target = self._job.folder / part.output
        with as_caller(self._job.caller), _noted() as notes:
            with replacing_file(target, overwrite=True) as file, _measured() as running:
                counts = self._write_records(part, file, running, advance, notes.append)
                if FileIdentity.of(part.source) != part.identity:
                    raise DataError(f"{part.source} was changed while it was predicted: try again")
                advance(counts.texts, 1.0)
            finished = Finished(part.identity, counts.texts, target.stat().st_size)
            return Done(finished, _summary(counts), tuple(notes))

    def _write_records(
        self,
        part: Part,
        file: IO[str],
        running: Stage,
        advance: Advance,
        note: Callable[[str], None],
    ) -> TextCounts:
        wanted, path = self._job.answers, part.source
        types: dict[str, DataType] = {}
        if part.ending == ".parquet":
            from wave_network.data.parquet_writing import label_types

            types = label_types(self._engine.labels)
        kept = None
        if wanted.keep_columns:
            kept = KeptColumns(path, wanted.text_column, wanted.options, types, note)
            texts: Iterable[str] = kept.texts()
        else:
            options = wanted.options
            texts = iter_texts(path, wanted.text_column, options.encoding, options.quoting)
        texts = _maybe_none(texts, note)
        counting, counts = counted(self._engine)
        answers = counting.iter_predict(texts, wanted.threshold, out_of_scope=wanted.out_of_scope)
        labelling = self._engine.labelling
        records: Iterator[dict[str, Any]] = (
            {
                "text": text,
                **prediction_record(labelling, prediction, wanted.top_k, self._set_threshold),
            }
            for text, prediction in answers
        )
        if kept is not None:
            records = kept.beside(records)
        write_records(file, _reported(records, running, advance), part.ending, types)
        return counts


def _maybe_none(texts: Iterable[str], note: Callable[[str], None]) -> Iterator[str]:
    """Yield texts, or none of a file without rows: engines write such parts."""
    try:
        yield from texts
    except NoRowsError as error:
        note(str(error).partition(":")[0])


def _summary(counts: TextCounts) -> TextSummary:
    """Summarise the texts of a part, but not how many are equal: those of other parts may be."""
    return replace(TextSummary.of(counts), duplicates=0)


def model_digest(source: str) -> str:
    """Return the SHA-256 of the files of a model that decide its answers.

    Raises:
        ModelFolderError: If they cannot be read.
    """
    folder = resolve_source(source)
    if folder.is_file():
        return digest_of_file(folder)
    description, contents = read_contents(folder, CHECKED)
    digest = sha256(json.dumps(description, sort_keys=True).encode())
    for name, content in sorted(contents.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _reported(
    records: Iterable[dict[str, Any]], running: Stage, advance: Advance
) -> Iterator[dict[str, Any]]:
    said = time.monotonic()
    for done, record in enumerate(records, start=1):
        yield record
        running.done = done
        if done % _ROWS_APART == 0 and time.monotonic() - said > _SECONDS_APART:
            said = time.monotonic()
            advance(done, running.share or 0.0)


class _Watcher:
    """Lets the readers of files measure a stage that nobody shows."""

    def __init__(self) -> None:
        self._running: Stage | None = None

    def begin(self, stage: Stage) -> None:
        self._running = stage

    def end(self, stage: Stage) -> None:
        pass

    def measured(self) -> Stage | None:
        return self._running

    def say(self, line: str) -> None:
        pass


@contextmanager
def _measured() -> Iterator[Stage]:
    before = shower.set(_Watcher())
    try:
        with stage("predicting") as running:
            yield running
    finally:
        shower.reset(before)


class _NoteHandler(logging.Handler):
    """Collects log messages."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        self._notes.append(record.getMessage())


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Collect what the library notes, for the process that shows it."""
    notes: list[str] = []
    logger = logging.getLogger("wave_network")
    before, level = logger.handlers, logger.level
    logger.handlers = [_NoteHandler(notes)]
    logger.setLevel(logging.INFO)
    try:
        yield notes
    finally:
        logger.handlers = before
        logger.setLevel(level)
