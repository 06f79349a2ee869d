"""Strings of printable ASCII take a short cut: it leads where the long way leads."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabularies import learn_tokenizer

from wave_network.text import TextTokenizer, vocabulary
from wave_network.text.plain_words import plain_parts
from wave_network.text.spelling import spelling_of
from wave_network.text.vocabulary import Form, wordless

PRINTABLE = "".join(map(chr, range(33, 127)))
TEXTS = [
    "The council approved the new library. It opens on Monday!",
    "Shares of the chip-maker fell 3.5% (a weak forecast) -- Reuters.",
    "don't [CLS] the_new U.S. library's AT&T http://example.com/the?new=1 #the @the",
    "Ｔｈｅ naïve café, the CAFÉ; straße",
] * 3


@given(st.text(PRINTABLE, min_size=1, max_size=30))
@settings(max_examples=500)
def test_parts_are_what_the_library_splits(text):
    steps = wordless(Form())
    normal = steps.normalizer.normalize_str(text)
    words = [word for word, _ in steps.pre_tokenizer.pre_tokenize_str(normal)]
    assert [f"Ġ{part}" for part in plain_parts(text)] == words


def test_each_printable_character_by_itself_and_inside():
    for character in PRINTABLE:
        parts = plain_parts(f"a{character}b")
        assert "".join(parts) == f"a{character}b".lower()
        assert (len(parts) == 3) == (character in string.punctuation)


@pytest.mark.parametrize("text", ["", " ", "a b", "é", "a\tb", "\x7f", "\x00", "Ａ", "a\n", "ß"])
def test_other_strings_go_the_long_way(text):
    assert plain_parts(text) is None


@given(st.lists(st.sampled_from(" ".join(TEXTS).split()) | st.text(PRINTABLE, max_size=9)))
@settings(deadline=None)
def test_ids_are_the_librarys(texts):
    tokenizer = TextTokenizer.train(TEXTS, 400, 64)
    found = tokenizer.encode(texts).ids.tolist()
    plain = [
        [tokenizer.cls_token_id, *tokenizer._tokenizer.encode(t, add_special_tokens=False).ids]
        for t in texts
    ]
    assert found == [index for row in plain for index in row[:64]]


def test_most_words_of_ordinary_text_take_the_short_cut(monkeypatch):
    tokenizer = TextTokenizer.train(TEXTS, 400, 64)
    asked = []
    long_way = TextTokenizer._encode_each
    monkeypatch.setattr(
        TextTokenizer,
        "_encode_each",
        lambda self, words: asked.extend(words) or long_way(self, words),
    )
    tokenizer.encode(TEXTS)
    assert set(asked) >= {"Ｔｈｅ", "naïve", "café,"}
    assert not {"council", "The", "library.", "3.5%", "[CLS]"} & set(asked)


def test_a_vocabulary_is_the_same_with_and_without(monkeypatch):
    found = learn_tokenizer(TEXTS, 400).to_str()
    monkeypatch.setattr(vocabulary, "plain_parts", lambda string: None)
    assert learn_tokenizer(TEXTS, 400).to_str() == found


def test_a_foreign_tokenizer_keeps_its_own_way(tmp_path):
    folder = Path(tmp_path)
    (folder / "vocab.txt").write_text("\n".join(["[CLS]", "[SEP]", "[UNK]", "Ġthe", "the", "new"]))
    tokenizer = TextTokenizer.load(folder, 64)
    assert spelling_of(tokenizer._tokenizer) is None
