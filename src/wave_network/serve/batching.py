"""Batches of questions: small ones at once and together, large ones in a thread beside them.

All questions that arrive in one turn of the event loop are answered in the next, together. So a
question never waits for others to come, and the more there are, the larger the batches. Answering
a few short texts takes less time than handing them to a thread would. What takes longer goes to one
thread, and the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from wave_network.runtime.engine import Engine
from wave_network.serve.answers import answer_all, kind_of
from wave_network.serve.questions import Question
from wave_network.serve.refusal import RefusedError

_SMALL_TEXTS: Final = 64
_SMALL_CHARACTERS: Final = 2**15
_CHARACTERS_A_TURN: Final = 2**16
"""What the loop answers before it looks at its connections again: a few milliseconds' work."""


@dataclass(frozen=True)
class _Job:
    engine: Engine
    question: Question
    characters: int
    answered: asyncio.Future[bytes] = field(compare=False)


class Batcher:
    """Answers the questions of one event loop.

    Args:
        answer_seconds: A question that waits longer for the thread is refused.
        observe: Is told the number of texts of each batch.
    """

    def __init__(self, answer_seconds: float, observe: Callable[[int], None]) -> None:
        self._answer_seconds = answer_seconds
        self._observe = observe
        self._waiting: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, "answers")

    async def answer(self, engine: Engine, question: Question) -> bytes:
        """Answer a question, together with others if there are any.

        Args:
            engine: The model. Questions to different ones never share a batch.
            question: The texts, and what to answer.

        Returns:
            A JSON array with a record for each text.

        Raises:
            RefusedError: 503, if it waited too long.
            Exception: What the engine raises.
        """
        loop = asyncio.get_running_loop()
        characters = sum(map(len, question.texts))
        if (
            question.options.explain
            or len(question.texts) > _SMALL_TEXTS
            or characters > _SMALL_CHARACTERS
        ):
            until = time.monotonic() + self._answer_seconds
            return await loop.run_in_executor(self._thread, self._alone, engine, question, until)
        job = _Job(engine, question, characters, loop.create_future())
        self._waiting.append(job)
        if len(self._waiting) == 1:
            loop.call_soon(self._turn)
        return await job.answered

    def close(self) -> None:
        """End the thread, after its last answer."""
        self._thread.shutdown()

    def _alone(self, engine: Engine, question: Question, until: float) -> bytes:
        if time.monotonic() > until:
            raise RefusedError(503, "the request waited too long", {"Retry-After": "1"})
        self._observe(len(question.texts))
        (outcome,) = answer_all(engine, [question])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _turn(self) -> None:
        """Answer what waits, or as much of it as a turn of the loop may take."""
        batches: dict[tuple[int, tuple[float, bool]], list[_Job]] = {}
        characters = 0
        while self._waiting and characters < _CHARACTERS_A_TURN:
            job = self._waiting.popleft()
            characters += job.characters + len(job.question.texts)
            batches.setdefault((id(job.engine), kind_of(job.question.options)), []).append(job)
        for jobs in batches.values():
            self._observe(sum(len(job.question.texts) for job in jobs))
            outcomes = answer_all(jobs[0].engine, [job.question for job in jobs])
            for job, outcome in zip(jobs, outcomes, strict=True):
                if job.answered.done():  # cancelled
                    continue
                if isinstance(outcome, Exception):
                    job.answered.set_exception(outcome)
                else:
                    job.answered.set_result(outcome)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
