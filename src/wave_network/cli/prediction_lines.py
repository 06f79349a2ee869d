"""Write the records of `predict`. This module does not import Typer, which is slow to load."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from wave_network.cli.console import note, note_read
from wave_network.cli.exit import descriptor_of, write_whole
from wave_network.data.json_text import json_line
from wave_network.data.values import is_unicode
from wave_network.errors import DataError, printable
from wave_network.progress.terminal import columns_of, cut, width_of

if TYPE_CHECKING:
    from wave_network.runtime import Engine, Prediction
    from wave_network.text.counts import TextCounts

_WIDEST_LABELS: Final = 24  # columns; wider labels move their texts to the right
_NARROWEST_TEXT: Final = 20
_SHOWN_FIRST: Final = ("text", "label", "score")


def answer(model: str, texts: list[str]) -> None:
    """Classify texts, as `predict` does without options."""
    # Few texts need no threads, and starting them can double the time to import NumPy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from wave_network.runtime import load
    from wave_network.runtime.counting import counted

    engine, counts = counted(load(model))
    answers = engine.iter_predict(valid(texts))
    print_records(engine, records(engine, answers, counts))


def valid(arguments: list[str]) -> list[str]:
    """Check texts given as arguments.

    Raises:
        DataError: If one of them is not UTF-8.
    """
    for number, text in enumerate(arguments, start=1):
        if not is_unicode(text):
            raise DataError(f"text {number} is not UTF-8: convert it, for example with iconv")
    return arguments


def records(
    engine: Engine,
    answers: Iterable[tuple[str, Prediction]],
    counts: TextCounts,
    top_k: int | None = None,
    set_threshold: float | None = None,
    source: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield one record per text, and note empty and cut texts at the end.

    Args:
        engine: The engine that made the predictions.
        answers: Each text with its prediction.
        counts: What the engine read of the texts.
        top_k: How many scores to add; None: none.
        set_threshold: The least probability of a label in a prediction set; None: no prediction
            sets.
        source: The file of the texts, to note how many it has; None: they are arguments.
    """
    from wave_network.runtime.records import prediction_record

    for text, prediction in answers:
        record = prediction_record(engine.labelling, prediction, top_k, set_threshold)
        yield {"text": text, **record}
    if source is None and not (counts.empty or counts.cut or counts.duplicates()):
        return
    from wave_network.data.summary import TextSummary  # here, so that predicting starts faster

    read = TextSummary.of(counts, source)
    if source is not None and read.rows:
        note(f"predicted {read}")
    note_read(read)


def print_records(
    engine: Engine, answers: Iterable[Mapping[str, Any]], *, as_json: bool = False
) -> None:
    """Print records on stdout: for people on a terminal, elsewhere a line of JSON each.

    Args:
        engine: The engine that made the predictions.
        answers: The records.
        as_json: Whether a terminal gets JSON, too.
    """
    form = json_line if as_json or not sys.stdout.isatty() else readable(engine)
    write_whole(map(form, answers))


def answers_meet_progress() -> bool:
    """Whether progress would mix with the answers, or the next program's output, on a terminal."""
    if not sys.stderr.isatty():
        return False
    descriptor = descriptor_of(sys.stdout)
    if descriptor is None:
        return False
    return sys.stdout.isatty() or stat.S_ISFIFO(os.fstat(descriptor).st_mode)


def readable(engine: Engine) -> Callable[[Mapping[str, Any]], str]:
    """Return a function that formats records for a terminal.

    The first line has the label, its score and the text, cut to the terminal's width; further lines
    have the other fields.
    """
    widest = max(columns_of(printable(str(label))) for label in engine.labels)
    column = min(widest, _WIDEST_LABELS)
    multi_label = engine.labelling.multi_label

    def form(record: Mapping[str, Any]) -> str:
        if multi_label:
            start = _padded(_in_words(record["scores"]) or "-", column + 8)
            shown: tuple[str, ...] = ("text", "labels", "scores")
        else:
            label = "-" if record["label"] is None else printable(str(record["label"]))
            start, shown = f"{_padded(label, column)}  {record['score']:.4f}", _SHOWN_FIRST
        left = width_of(sys.stdout) - columns_of(start) - 2
        text = cut(printable(" ".join(record["text"].split())), max(left, _NARROWEST_TEXT))
        others = (
            f"  {printable(name)}: {_in_words(value)}\n"
            for name, value in record.items()
            if name not in shown
        )
        return f"{start}  {text}\n{''.join(others)}"

    return form


def _padded(text: str, columns: int) -> str:
    return text + " " * max(0, columns - columns_of(text))


def _in_words(value: object) -> str:
    """Format a field of a record for a terminal."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{printable(str(name))} {_in_words(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value)) or "none"
    return printable(str(value))
