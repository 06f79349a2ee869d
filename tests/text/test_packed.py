"""Packed texts are read as the strings that they hold, by any number of threads."""

import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import native_hidden, needs_native

from wave_network._native import threads
from wave_network.text import TextTokenizer, packed
from wave_network.text.counts import CountingTokenizer, TextCounts
from wave_network.text.packed import Chunk, Utf8Texts, chunks_of, pack, repaired, strings_of

TEXTS = [
    "The council approved the new library. It opens on Monday!",
    "naïve café ☕, the CAFÉ",
    "",
    "東京で雨が降った。試合は中止。",
    "x" * 300,
] * 40


@given(st.lists(st.text()), st.integers(0, 9))
def test_strings_come_back_repaired_and_cut(texts, characters):
    chunk = pack(texts)
    assert isinstance(chunk, Utf8Texts)
    assert list(strings_of(chunk)) == list(map(repaired, texts))
    assert chunk.strings(characters) == [repaired(text)[:characters] for text in texts]


@given(st.lists(st.text(max_size=9)), st.lists(st.integers(0, 99)))
@settings(deadline=None)
def test_chunks_hold_the_texts_in_order(texts, places):
    texts = [*texts, "end"]
    selection = np.array(places, np.int64) % len(texts)
    chosen = pack(texts).selected(selection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_TEXTS_AT_ONCE", 3)
        patch.setattr(packed, "_CHARACTERS_AT_ONCE", 12)
        for given_texts in (texts, pack(texts)):
            found = [text for chunk in chunks_of(given_texts, 99) for text in strings_of(chunk)]
            assert found == list(map(repaired, texts))
        parts = list(chunks_of(chosen, 99))
        assert all(len(part.places) <= 3 for part in parts)
        found = [text for part in parts for text in part.strings(99)]
    assert found == [repaired(texts[place]) for place in selection]
    assert list(strings_of(chosen, np.arange(len(places)))) == found


@pytest.fixture(params=["compiled", "python"])
def tokenizer(request):
    if request.param == "python":
        with native_hidden():
            yield TextTokenizer.train(pack(TEXTS), 500, 16)
    else:
        yield TextTokenizer.train(pack(TEXTS), 500, 16)


def test_a_tokenizer_reads_packed_texts_as_strings(tokenizer):
    assert tokenizer._tokenizer.to_str() == TextTokenizer.train(TEXTS, 500, 16)._tokenizer.to_str()
    places = np.arange(len(TEXTS))[::-1]
    chosen = pack(TEXTS).selected(places)
    for texts, strings in ((pack(TEXTS), TEXTS), (chosen, TEXTS[::-1])):
        for found, expected in zip(tokenizer.encode(texts), tokenizer.encode(strings), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_packed_texts_are_counted_as_strings(tokenizer):
    counted = [TextCounts(tokenizer), TextCounts(tokenizer)]
    for counts, texts in zip(counted, (TEXTS, pack(TEXTS)), strict=True):
        CountingTokenizer(tokenizer, counts).encode(texts)
    first, second = counted
    np.testing.assert_array_equal(first.hashes(), second.hashes())
    for name in ("texts", "empty", "cut", "tokens", "lost", "longest"):
        assert getattr(first, name) == getattr(second, name)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_any_number_of_threads_learns_and_reads_the_same(count):
    texts = [f"{text} {number % 999}" for number, text in enumerate(TEXTS * 25)]
    with threads.using(1):
        expected = TextTokenizer.train(texts, 600, 64)
        ids = expected.encode(texts).ids
    with threads.using(count):
        tokenizer = TextTokenizer.train(texts, 600, 64)
        assert tokenizer._tokenizer.to_str() == expected._tokenizer.to_str()
        np.testing.assert_array_equal(tokenizer.encode(texts).ids, ids)


@needs_native
def test_another_thread_runs_while_texts_are_encoded():
    tokenizer = TextTokenizer.train(TEXTS, 500, 64)
    chunk = pack(TEXTS)
    texts = chunk.selected(np.arange(len(TEXTS)).repeat(1_000))
    steps, done = [0], threading.Event()

    def count():
        while not done.is_set():
            steps[0] += 1

    other = threading.Thread(target=count)
    other.start()
    seen = []
    with threads.using(1):
        for part in (texts, texts, texts):
            before = steps[0]
            tokenizer._look_up(Chunk(*part), {"naïve": b"", "☕,": b""})
            seen.append(steps[0] - before)
    done.set()
    other.join()
    assert all(count > 1_000 for count in seen)  # with the lock held it would be none


def test_offsets_are_those_of_each_text(tokenizer):
    ids, offsets = tokenizer.encode(pack(TEXTS[:5]))
    rows = [ids[start:end].tolist() for start, end in pairwise(offsets)]
    assert rows == [tokenizer.encode([text]).ids.tolist() for text in TEXTS[:5]]
