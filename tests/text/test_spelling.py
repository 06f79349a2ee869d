"""Tables of words that spell plain words by themselves: they give the ids of the library."""

import json
import random
import time

import numpy as np
import pytest
from hostile_words import HOSTILE_WORDS, every_form
from hypothesis import given, settings
from hypothesis import strategies as st
from native import needs_native
from tokenizers import Tokenizer, models
from vocabularies import learn_tokenizer

from wave_network import _native
from wave_network.data import read_splits
from wave_network.text import TextTokenizer
from wave_network.text import tokenizer as tokenizer_module
from wave_network.text.packed import pack
from wave_network.text.spelling import spelling_of
from wave_network.text.vocabulary import learn_vocabulary

PRINTABLE = "".join(map(chr, range(33, 127)))
WORDS = st.sampled_from(
    [
        *HOSTILE_WORDS,
        *("[cls]", "<s>", "café,", "a\0b", "cafÃ©", "\udc00", "a\ud800", "Ġthe"),
        *("a" * 127, "Ab" * 64, "a" * 129, f"x-{'ab' * 65}"),
    ]
)
SPACES = st.sampled_from([" ", " ", "  ", "\n", "\r\n", "\t", ""])
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(st.characters(max_codepoint=0x7F), max_size=40)
    | st.text("abcdehinorstu ", max_size=60)
    | st.lists(st.tuples(WORDS, SPACES)).map(lambda pairs: "".join(map("".join, pairs)))
)


@pytest.fixture(scope="module")
def learnt():
    return learn_tokenizer(read_splits("sample").train["text"][:], 2_000)


def ids_of_the_library(tokenizer, text):
    """Of a text in whose words there are no halves of surrogate pairs."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return [tokenizer.token_to_id("[CLS]"), *ids]


def rows(batch):
    return [ids.tolist() for ids in np.split(batch.ids, batch.offsets[1:-1])][
        : len(batch.offsets) - 1
    ]


@every_form
@settings(max_examples=300, deadline=None)
@given(batches=st.lists(TEXTS, min_size=1, max_size=3), limit=st.integers(0, 5))
def test_ids_are_the_librarys(learnt, make, batches, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizer_module, "word_table", lambda: make(limit))
        tokenizer = TextTokenizer(Tokenizer.from_str(learnt.to_str()), 400)
        for texts in [*batches, *batches]:
            whole = [
                text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts
            ]
            expected = [ids_of_the_library(tokenizer._tokenizer, text)[:400] for text in whole]
            assert rows(tokenizer.encode(texts)) == expected


@needs_native
def test_no_plain_word_is_asked_for(learnt, monkeypatch):
    asked = []
    long_way = TextTokenizer._encode_each
    monkeypatch.setattr(
        TextTokenizer,
        "_encode_each",
        lambda self, words: asked.extend(words) or long_way(self, words),
    )
    tokenizer = TextTokenizer(Tokenizer.from_str(learnt.to_str()), 400)
    tokenizer.encode([PRINTABLE, "zyxwv Qwertz-uiop", f"{'q' * 128} {'q' * 129} naïve"])
    assert set(asked) == {"q" * 129, "naïve"}


LETTERS = {letter: place for place, letter in enumerate(["Ġ", *map(chr, range(33, 127))])}
NO_MERGES = np.empty((0, 3), np.int32)


def look_up(table, texts):
    ids, _, unknown = table.encode(*pack(texts), 9, 99, 999, 1, {})
    return np.frombuffer(ids, np.int32).tolist(), unknown


@every_form
def test_what_is_learnt_is_not_forgotten(make):
    table = make(3)
    table.add({"Old": b"\0\0\0\0"})
    table.learn({**LETTERS, "Ġa": 101, "Ġé": 102}, NO_MERGES)
    learnt = len(table)
    for start in range(0, 100, 5):
        table.add({f"é{number}": b"\3\0\0\0" for number in range(start, start + 5)})
        ids, unknown = look_up(table, ["a A", "é"])
        assert ids == [9, 101, 101]
        assert unknown == {"é"}  # which is not plain
    assert len(table) < learnt + 12


@needs_native
def test_words_that_no_plain_string_has_are_not_learnt():
    table = _native.compiled.WordTable(9, 7)
    words = ("Upper", "a-b", "cafÃ©", "a" * 129, "--", " ", "a b")
    vocabulary = {**LETTERS, **dict.fromkeys((f"Ġ{word}" for word in words), 1)}
    table.learn({**vocabulary, "Ġ-": 2, "Ġ0": 3, "and": 4}, NO_MERGES)
    assert len(table) == 2


@needs_native
def test_a_long_word_takes_no_quadratic_time(learnt):
    letters = random.Random(0)
    tokenizer = TextTokenizer(Tokenizer.from_str(learnt.to_str()), 512)
    texts = [
        " ".join("".join(letters.choices("aeinorst", k=length)) for _ in range(30_000 // length))
        for length in (128, 129, 30_000)
    ]
    start = time.process_time()
    for text in texts:
        tokenizer.encode([text] * 10)
    assert time.process_time() - start < 5


def changed(tokenizer, **fields):
    content = json.loads(tokenizer.to_str())
    content["model"].update(fields)
    return Tokenizer.from_str(json.dumps(content))


def test_the_spelling_is_that_of_what_was_learnt():
    texts = read_splits("sample").train["text"][:300]
    tokenizer, spelling = learn_vocabulary(texts, 2_000)
    read = spelling_of(Tokenizer.from_str(tokenizer.to_str()))
    assert read.vocabulary == spelling.vocabulary == tokenizer.get_vocab()
    np.testing.assert_array_equal(read.merges, spelling.merges)


def test_only_our_own_spelling_is_learnt(learnt):
    assert spelling_of(changed(learnt)) is not None
    for fields in (
        {"dropout": 0.1},
        {"end_of_word_suffix": "</w>", "merges": []},
        {"continuing_subword_prefix": "##", "merges": []},
        {"ignore_merges": False},
    ):
        assert spelling_of(changed(learnt, **fields)) is None
    vocabulary = learnt.get_vocab()
    twice = {**vocabulary, "Ġtwice": vocabulary["Ġthe"]}
    assert spelling_of(changed(learnt, vocab=twice)) is None
    without = {token: index for token, index in vocabulary.items() if token != "q"}
    assert spelling_of(changed(learnt, vocab=without, merges=[])) is None
    assert spelling_of(Tokenizer(models.WordLevel({"the": 0}, "the"))) is None


@needs_native
@pytest.mark.parametrize(
    "arguments",
    [
        ([], NO_MERGES),
        (LETTERS, b""),
        (LETTERS, NO_MERGES.astype(np.int64)),
        (LETTERS, np.empty((1, 4), np.int32)),
        ({**LETTERS, "Ġa": "b"}, NO_MERGES),
        ({**LETTERS, "Ġa": -1}, NO_MERGES),
        ({**LETTERS, "Ġa": 2**31}, NO_MERGES),
        ({**LETTERS, "Ġa": 2**70}, NO_MERGES),
        ({**LETTERS, 1: 2}, NO_MERGES),
    ],
)
def test_wrong_spellings_are_refused(arguments):
    table = _native.compiled.WordTable(5, 7)
    with pytest.raises((TypeError, ValueError)):
        table.learn(*arguments)
    assert look_up(table, ["a"])[1] == {"a"}
