"""Write the records of `predict`. This module does not import Typer, which is slow to load."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wave_network.cli.console import note_empty, prediction_record
from wave_network.data.rows import is_unicode
from wave_network.errors import DataError

if TYPE_CHECKING:
    from wave_network.runtime import Engine, Prediction


def answer(model: str, texts: list[str]) -> None:
    """Classify texts, as `predict` does without options."""
    # Few texts need no threads, and starting them can double the time to import NumPy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from wave_network.runtime import load

    engine = load(model)
    sys.stdout.writelines(map(line, records(engine, engine.iter_predict(valid(texts)))))


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
    top_k: int | None = None,
    set_threshold: float | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield one record per text, and note empty texts at the end.

    Args:
        engine: The engine that made the predictions.
        answers: Each text with its prediction.
        top_k: How many scores to add; None: none.
        set_threshold: The least probability of a label in a prediction set; None: no prediction
            sets.
    """
    from wave_network.runtime.engine import prediction_set

    count = empty = 0
    for text, prediction in answers:
        count += 1
        empty += not text.strip()
        record = prediction_record(engine.labelling, text, prediction, top_k)
        if set_threshold is not None:
            record["labels"] = prediction_set(prediction, set_threshold)
        if prediction.out_of_scope is not None:
            record["out_of_scope"] = prediction.out_of_scope
        yield record
    note_empty(empty, count)


def line(record: Mapping[str, Any]) -> str:
    """Format a record as a line of JSON."""
    return json.dumps(record, ensure_ascii=False) + "\n"
