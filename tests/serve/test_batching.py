"""Batches: what arrives together is answered together, by the model that was asked."""

import asyncio
import json
import threading
import time

import pytest

from wave_network.errors import ConfigError
from wave_network.runtime import Engine
from wave_network.serve.batching import Batcher
from wave_network.serve.questions import Options, Question
from wave_network.serve.refusal import RefusedError


@pytest.fixture
def engine(make_files):
    return Engine(make_files())


def answer_all(questions, answer_seconds=5.0):
    """Ask questions of engines at the same time; return the outcomes and the batches' sizes."""
    sizes = []

    async def ask():
        batcher = Batcher(answer_seconds, sizes.append)
        try:
            asked = (batcher.answer(engine, question) for engine, question in questions)
            found = await asyncio.gather(*asked, return_exceptions=True)
            return [json.loads(one) if isinstance(one, bytes) else one for one in found]
        finally:
            batcher.close()

    return asyncio.run(ask()), sizes


def ask_for(texts, **options):
    return Question(texts, Options(**options))


def test_questions_of_one_kind_make_one_batch_and_others_their_own(make_files, engine):
    other = Engine(make_files(seed=1))
    asked = [
        (engine, ask_for(["a", "b"])),
        (other, ask_for(["a"])),
        (engine, ask_for(["c"], top_k=1)),
        (engine, ask_for(["d"], threshold=1.0)),
        (engine, ask_for(["e"])),
    ]
    answers, sizes = answer_all(asked)
    assert sorted(sizes) == [1, 1, 4]
    assert [len(records) for records in answers] == [2, 1, 1, 1, 1]
    assert answers[0][0]["score"] == pytest.approx(engine.predict(["a"])[0].score, abs=2e-6)
    assert answers[1][0]["score"] == pytest.approx(other.predict(["a"])[0].score, abs=2e-6)
    assert len(answers[2][0]["scores"]) == 1
    assert answers[3][0]["label"] is None


def test_one_that_fails_spoils_no_other(engine, monkeypatch):
    predict = engine.predict

    def fail_on_bad(texts, *arguments, **named):
        if "bad" in texts:
            raise ConfigError("bad")
        return predict(texts, *arguments, **named)

    monkeypatch.setattr(engine, "predict", fail_on_bad)
    answers, _ = answer_all([(engine, ask_for([text])) for text in ("a", "bad", "b")])
    assert [type(answer) for answer in answers] == [list, ConfigError, list]


def test_large_questions_leave_the_loop_to_small_ones(engine, monkeypatch):
    predict = engine.predict
    thread = []

    def slow_if_many(texts, *arguments, **named):
        thread.append((len(texts), threading.current_thread() is threading.main_thread()))
        if len(texts) > 64:
            time.sleep(0.5)
        return predict(texts, *arguments, **named)

    monkeypatch.setattr(engine, "predict", slow_if_many)
    ended = []

    async def ask():
        batcher = Batcher(5.0, lambda size: None)

        async def answer(texts):
            await batcher.answer(engine, ask_for(texts))
            ended.append(len(texts))

        large = asyncio.create_task(answer(["a"] * 65))
        await asyncio.sleep(0)
        await answer(["a"])
        await large
        batcher.close()

    asyncio.run(ask())
    assert ended == [1, 65]
    assert set(thread) == {(65, False), (1, True)}


def test_a_turn_of_the_loop_is_bounded(engine):
    long = "word " * 6_000  # 30,000 characters: two make a turn
    answers, sizes = answer_all([(engine, ask_for([long])) for _ in range(9)])
    assert all(len(records) == 1 for records in answers)
    assert max(sizes) <= 3
    assert sum(sizes) == 9


def test_who_waits_too_long_for_the_thread_is_refused(engine):
    asked = [(engine, ask_for(["a"], explain=True))] * 2
    answers, _ = answer_all(asked, answer_seconds=-1.0)
    assert [(type(answer), answer.status) for answer in answers] == [(RefusedError, 503)] * 2
