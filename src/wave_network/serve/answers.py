"""Answer questions with an engine: several that want the same kind of answer in one batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from wave_network.runtime.engine import Engine
from wave_network.runtime.records import explained_record, prediction_record
from wave_network.serve.encoding import encode
from wave_network.serve.questions import Options, Question


def kind_of(options: Options) -> tuple[float, bool]:
    """Return what the options of questions in one batch must have in common."""
    return options.threshold, options.out_of_scope


def answer_all(engine: Engine, questions: Sequence[Question]) -> list[bytes | Exception]:
    """Answer questions of one kind together.

    If that fails, each is answered alone: one that cannot be answered spoils no other.

    Args:
        engine: The model.
        questions: Questions that agree in `kind_of`.

    Returns:
        For each question a JSON array, with a record for each text; or the error that there is
        instead.
    """
    try:
        return [*_together(engine, questions)]
    except Exception as error:
        if len(questions) == 1:
            return [error]
    return [outcome for question in questions for outcome in answer_all(engine, [question])]


def _together(engine: Engine, questions: Sequence[Question]) -> Iterator[bytes]:
    threshold, out_of_scope = kind_of(questions[0].options)
    texts = list(chain.from_iterable(question.texts for question in questions))
    predictions = iter(engine.predict(texts, threshold, out_of_scope=out_of_scope))
    for question in questions:
        options = question.options
        coverage = options.coverage
        least = None if coverage is None else engine.conformal_threshold(coverage)
        records: Iterable[dict[str, Any]] = (
            prediction_record(engine.labelling, next(predictions), options.top_k, least)
            for _ in question.texts
        )
        if options.explain:
            records = _explained(engine, question.texts, records)
        # One at a time: explanations of many texts are large, and other threads get their turn.
        yield b"[" + b", ".join(map(encode, records)) + b"]"


def _explained(
    engine: Engine, texts: list[str], records: Iterable[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for record, explanation in zip(records, engine.iter_explain(texts), strict=True):
        explained = explained_record(record, explanation)
        del explained["text"]  # whoever asks has it
        yield explained
