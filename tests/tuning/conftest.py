"""A preset that trains in no time, and texts to tune on."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from wave_network.config import PRESETS
from wave_network.data import from_memory

WORDS = {"warm": "sun heat summer", "cold": "ice snow winter"}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk():
    """Let SQLite leave to the system when to write: most of such a short trial's time."""

    def unsynchronized(connection, _):
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", unsynchronized)
    yield
    event.remove(Engine, "connect", unsynchronized)


@pytest.fixture
def rows():
    """120 texts of two classes."""
    every = [(word, label) for label, words in WORDS.items() for word in words.split()]
    pairs = [(f"{word} day {number}", label) for number in range(20) for word, label in every]
    return from_memory(*map(list, zip(*pairs, strict=True)))


@pytest.fixture
def sets():
    """120 texts with any number of three labels, one of which a single text has."""
    words = {"sun": ["dry"], "rain": ["wet"], "rainbow": ["dry", "wet"], "night": []}
    pairs = [
        (f"{word} day {number}", labels) for number in range(30) for word, labels in words.items()
    ]
    pairs[7] = ("a comet", ["rare"])
    return from_memory(*map(list, zip(*pairs, strict=True)))


@pytest.fixture
def quick(monkeypatch):
    """Let the preset `tiny` train for four short epochs."""
    tiny = PRESETS["tiny"]
    train = replace(tiny.train, min_steps=0, epochs=4, batch_size=64)
    model = {**tiny.model, "bigram_buckets": 4_001}
    preset = replace(tiny, train=train, model=model, vocab_size=600)
    monkeypatch.setitem(PRESETS, "tiny", preset)
    return preset
