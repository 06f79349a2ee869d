"""Vocabularies of whole words, and of pieces that spell every other string."""

import random
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import native_hidden
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from vocabularies import learn_tokenizer

from wave_network.data import read_splits
from wave_network.text import vocabulary as module
from wave_network.text.vocabulary import CLS_TOKEN, SPACE_MARK, Words, add_words

BYTES = 256
TEXTS = [
    "The council approved the new library. It opens on Monday!",
    "Heavy rain delayed the second half of the match on Monday.",
    "Shares of the chip maker fell 3.5 % after a weak forecast.",
    "The forecast: rain, rain and more rain for the second match.",
    "東京で雨が降った。試合は中止。",
    "दिल्ली में बारिश हुई। मैच रद्द हुआ।",
]
UNSEEN = {
    "Thai": "ห้องสมุดใหม่ในกรุงเทพเปิดให้บริการเมื่อวานนี้",
    "Japanese": "東京で新しい図書館が開館しました。パンとバナナ",
    "Chinese": "北京的新图书馆昨天正式开放。",
    "emoji": "👩‍👩‍👧‍👦 🇫🇮 👍🏽 🙂🙃 🏴‍☠️",
    "Hindi": "शोधकर्ताओं ने नदी में मेंढक की नई प्रजाति खोजी।",
    "Arabic": "افتتحت المكتبة الجديدة في المدينة أمس.",
    "controls": "a\x00b\x01c\u200bd\u202ee",
    "all of Latin": "".join(map(chr, range(0x21, 0x250))),
}


def pieces(tokenizer, text):
    """What the tokens of a text stand for; a leading space marks the start of a word."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return [tokenizer.decode([token]) for token in ids]


def decoded(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return tokenizer.decode(ids).replace(SPACE_MARK, "")


def folded(text):
    """A text without what a vocabulary forgets: case, compatibility variants and spacing."""
    folding = "".join(character.lower() for character in unicodedata.normalize("NFKC", text))
    return "".join(folding.split())


@pytest.fixture(scope="module")
def learnt():
    return learn_tokenizer(TEXTS * 2, 700)


def test_a_recurring_word_is_one_token():
    word = "zyxwvutsrqponmlkjihgfedcba"
    tokenizer = learn_tokenizer([f"the {word}", "in between", f"a {word}"], 400)
    assert pieces(tokenizer, f"{word} the {word}").count(f" {word}") == 2


def test_a_rare_word_is_spelt_in_pieces_that_decode_to_it():
    word = "zyxwvutsrqponmlkjihgfedcba"
    tokenizer = learn_tokenizer([f"the {word}", "in between the lines"], 260)  # no room
    found = pieces(tokenizer, word)
    assert len(found) > 1
    assert "".join(found) == f" {word}"
    assert decoded(tokenizer, word) == f" {word}"


def test_a_word_is_one_token_however_its_texts_write_it():
    texts = ["A FALCON, perhaps", "(falcon)", "cafe\u0301", "CAFÉ!", "ｏｔｔｅｒ", "otter"]
    tokenizer = learn_tokenizer(texts, 400)
    for word in ("falcon", "Falcon", "FALCON"):
        assert pieces(tokenizer, word) == [" falcon"]
    assert pieces(tokenizer, "cafe\u0301") == [" café"]
    assert pieces(tokenizer, "Otter") == [" otter"]


def test_of_few_texts_every_word_is_a_token_and_a_piece_of_others():
    tokenizer = learn_tokenizer(["the player of the band", "one falcon"], 400)
    assert pieces(tokenizer, "player falcon") == [" player", " falcon"]  # once each
    assert pieces(tokenizer, "players falconry") == [" player", "s", " falcon", "r", "y"]
    full = learn_tokenizer(["the player of the band", "one falcon"], 262)
    assert len(pieces(full, "player")) > 1


def test_of_more_words_than_there_is_room_for_the_most_frequent_are_kept():
    words = [f"{letter}{letter}{letter}xyz" for letter in "tsrqponmlkjihgfedcba"]
    texts = [" ".join(words[: number + 1]) for number in range(20)] * 2  # the first ones most often
    tokenizer = learn_tokenizer(texts, BYTES + 1 + 12)
    whole = [len(pieces(tokenizer, word)) == 1 for word in words]
    assert whole == sorted(whole, reverse=True)
    assert 8 <= sum(whole) <= 12


def test_pieces_are_those_of_rare_words():
    """Each rare word counts once, so what many of them share is a piece."""
    rare = [f"{start}ungsverordnung" for start in "abcdefghijklmnopqrst"]
    tokenizer = learn_tokenizer(["common words " * 500, *rare], 600)
    found = pieces(tokenizer, "xyzungsverordnung")
    assert "ungsverordnung" in found
    assert pieces(tokenizer, "common words") == [" common", " words"]


def test_a_character_never_seen_is_spelt_in_its_bytes():
    tokenizer = learn_tokenizer([], 257)
    for character in ("x", "é", "中", "🙂"):
        spelt = tokenizer.encode(character, add_special_tokens=False).ids
        assert len(spelt) == 1 + len(character.encode())  # the start of a word, and the bytes
        assert tokenizer.decode(spelt) == f" {character}"


def test_every_byte_has_an_entry(learnt):
    for tokenizer in (learnt, learn_tokenizer([], 257)):
        entries = tokenizer.get_vocab()
        assert set(pre_tokenizers.ByteLevel.alphabet()) <= set(entries)
        assert sorted(entries.values()) == list(range(len(entries)))


@pytest.mark.parametrize("size", [257, 258, 263, 300, 500, 1_000, 3_000])
def test_the_size_asked_for_is_kept_to(size):
    texts = read_splits("sample").train["text"][:]
    found = learn_tokenizer(texts, size).get_vocab_size()
    assert found == size


@pytest.mark.parametrize("size", [1, 100, 256])
def test_no_size_is_too_small_for_the_bytes_and_cls(size):
    tokenizer = learn_tokenizer(TEXTS, size)
    assert tokenizer.get_vocab_size() == BYTES + 1
    assert folded(decoded(tokenizer, TEXTS[0])) == folded(TEXTS[0])


@pytest.mark.parametrize(("texts", "words"), [([], 0), ([""], 0), ([" \n"], 0), (["a"], 1)])
def test_of_next_to_nothing_the_bytes_are_learnt(texts, words):
    tokenizer = learn_tokenizer(texts, 8_000)
    assert tokenizer.get_vocab_size() == BYTES + 1 + words
    assert pieces(tokenizer, "xy") == [" ", "x", "y"]


@given(st.permutations(TEXTS * 2))
@settings(max_examples=15)
def test_the_order_of_the_texts_does_not_matter(learnt, texts):
    assert learn_tokenizer(texts, 700).to_str() == learnt.to_str()


@given(
    st.lists(
        st.text(st.characters(codec="utf-8"), max_size=30)
        | st.text("abAB.- ", max_size=80)
        | st.sampled_from([*TEXTS, *UNSEEN.values(), "x" * 200, "Ab" * 64, "\x1c\x85\xa0"])
    ),
    st.integers(257, 500),
)
@settings(max_examples=100, deadline=None)
def test_a_vocabulary_is_the_same_without_a_compiler(texts, size):
    found = learn_tokenizer(texts * 2, size).to_str()
    with native_hidden():
        assert learn_tokenizer(texts * 2, size).to_str() == found


@pytest.mark.parametrize("strings_at_once", [0, 5, 20, 1_000])
def test_the_chunks_in_which_words_are_counted_do_not_show(learnt, monkeypatch, strings_at_once):
    monkeypatch.setattr(module, "_STRINGS_AT_ONCE", strings_at_once)
    assert learn_tokenizer(TEXTS * 2, 700).to_str() == learnt.to_str()


def test_an_iterator_is_read_once_and_to_its_end(learnt):
    read = []

    def texts():
        for text in TEXTS * 2:
            read.append(text)
            yield text

    assert learn_tokenizer(texts(), 700).to_str() == learnt.to_str()
    assert read == TEXTS * 2


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN)
def test_texts_in_every_script_come_back(learnt, text):
    assert folded(decoded(learnt, text)) == folded(text)
    tokenizer = learn_tokenizer([text, text], 2_000)
    assert folded(decoded(tokenizer, text)) == folded(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufffd"), max_size=40))
@settings(max_examples=300)
def test_any_string_has_pieces_that_give_its_bytes_back(learnt, text):
    """The pieces, joined, are the normalised words byte for byte: nothing is lost or unknown."""
    words = learnt.pre_tokenizer.pre_tokenize_str(learnt.normalizer.normalize_str(text))
    tokens = learnt.encode(text, add_special_tokens=False).tokens
    assert "".join(tokens) == "".join(word for word, _ in words)


def test_an_endless_word_takes_no_quadratic_time():
    letters = random.Random(0)
    endless = "".join(letters.choices("abcdefgh", k=400_000))
    start = time.process_time()
    tokenizer = learn_tokenizer([endless, "ab" * 200_000, "中" * 100_000], 2_000)
    assert time.process_time() - start < 20
    assert BYTES + 1 < tokenizer.get_vocab_size() <= 2_000
    assert decoded(tokenizer, endless[:5_000]) == f" {endless[:5_000]}"


def test_an_endless_word_that_recurs_takes_no_quadratic_time():
    endless = "ab" * 200_000
    start = time.process_time()
    tokenizer = learn_tokenizer([endless, f"{endless} {endless}", "a word"], 300)
    decoded(tokenizer, endless + "c")
    assert time.process_time() - start < 20


@pytest.mark.parametrize("text", ["[CLS]", "[cls]", "［ＣＬＳ］", "[CLS][CLS] [CLS]", "a[CLS]b"])
def test_cls_in_a_text_is_never_the_special_token(text):
    for texts in ([], [text] * 9, ["[CLS] is a word here, [CLS]"] * 9):
        tokenizer = learn_tokenizer(texts, 400)
        cls = tokenizer.token_to_id(CLS_TOKEN)
        assert cls is not None
        for engine in (tokenizer, Tokenizer.from_str(tokenizer.to_str())):
            encoded = engine.encode(text)
            assert cls not in encoded.ids
            assert folded(engine.decode(encoded.ids)) == folded(text)


def test_what_is_learnt_survives_saving(learnt):
    again = Tokenizer.from_str(learnt.to_str())
    assert again.to_str() == learnt.to_str()
    for text in (*TEXTS, *UNSEEN.values()):
        assert again.encode(text).ids == learnt.encode(text).ids


def test_added_words_follow_and_every_other_id_stays(learnt):
    texts = ["Zyglophone sales rise", "a ZYGLOPHONE and a qwertia", "the monday match"]
    grown, pieces = add_words(learnt, texts, 10)
    (spelt,) = pieces  # the word that occurs twice and was spelt from pieces
    assert spelt == learnt.encode("zyglophone").ids
    old, new = learnt.get_vocab(), grown.get_vocab()
    assert {token: new[token] for token in old} == old
    assert grown.encode("zyglophone").ids == [len(old)]
    assert grown.encode("the monday match").ids == learnt.encode("the monday match").ids
    assert Tokenizer.from_str(grown.to_str()).encode("zyglophone").ids == [len(old)]
    again, none = add_words(grown, texts, 10)
    assert none == []
    assert again.get_vocab() == new


def test_the_most_frequent_words_are_added_first(learnt):
    texts = ["zygloa zyglob", "zyglob zygloc", "zygloc zygloa zyglob"]
    grown, pieces = add_words(learnt, texts, 2)
    assert pieces == [learnt.encode(word).ids for word in ("zyglob", "zygloa")]
    assert [len(grown.encode(word).ids) > 1 for word in ("zygloa", "zyglob", "zygloc")] == [0, 0, 1]


def test_a_tokenizer_from_elsewhere_is_given_back(learnt):
    other = Tokenizer.from_str(learnt.to_str())
    other.normalizer = normalizers.Lowercase()
    assert add_words(other, ["zyglophone zyglophone"], 10) == (other, [])


def test_further_words_follow_those_of_the_texts():
    words = Words(("goal", "New York", "don't", "Bank", "the", "x" * 80), 300)
    found = learn_tokenizer(["the cat the cat"], 280, more_words=words).get_vocab()
    assert {"Ġgoal", "Ġbank", "Ġthe"} <= found.keys()
    assert "ĠNew York" not in found
    assert max(found[word] for word in ("Ġthe", "Ġcat")) < found["Ġgoal"] < found["Ġbank"]


def test_further_words_are_as_many_as_there_is_room_for():
    words = Words(tuple(f"word{letter}" for letter in "abcdefgh"), 263)
    found = learn_tokenizer(["the cat the cat"], 500, more_words=words).get_vocab()
    assert len(found) == 263
