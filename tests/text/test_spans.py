"""Places of tokens in the text as it was given, in whole visible characters."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.text import TextTokenizer
from wave_network.text.packed import repaired
from wave_network.text.spans import original_positions, whole_spans

HOSTILE = st.text(
    st.one_of(
        st.characters(codec=None),  # halves of surrogate pairs too
        st.sampled_from(
            "a é\u0301\u200d\ufe0f\u1100\u1161\u11a8ﬁﷺ½㎏Ａİก็क्षि👩🏽🇩🇪\ud83d\ude00\0\n"
        ),
    ),
    max_size=80,
)


@pytest.fixture(scope="module")
def bytes_tokenizer():
    """Spells nearly everything in bytes."""
    return TextTokenizer.train(["a few words"], 300, 200)


def slices(tokenizer, text):
    return [text[span.start : span.end] for span in tokenizer.spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("e\u0301te\u0301", ["e\u0301", "t", "e\u0301"]),
        ("ﬁ ﷺ ½ Ａ", ["ﬁ", "ﷺ", "½", "Ａ"]),
        ("👩\u200d👩\u200d👧 👍🏽", ["👩\u200d👩\u200d👧", "👍🏽"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("हिन्दी", ["हि", "न्", "दी"]),
        ("น้ำ กำ", ["น้ำ", "กำ"]),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", ["\u1112\u1161\u11ab", "\u1100\u1173\u11af"]),
        ("x\ufe0f^y", ["x\ufe0f", "^", "y"]),
    ],
)
def test_whole_characters_of_many_scripts(bytes_tokenizer, text, expected):
    assert slices(bytes_tokenizer, text) == expected


def test_words_and_the_spaces_between_them(small_tokenizer):
    text = "  The\tmatch, and THE game\u00a0the"
    found = slices(small_tokenizer, text)
    assert [word for word in found if word.lower() == "the"] == ["The", "THE", "the"]
    assert "".join(found) == "".join(text.split())


def test_half_a_pair_and_a_pair_in_halves_keep_their_places(bytes_tokenizer):
    text = "a \ud83d\ude00 b \ud83d c \ude00"
    assert slices(bytes_tokenizer, text) == ["a", "\ud83d\ude00", "b", "\ud83d", "c", "\ude00"]


@given(text=HOSTILE)
def test_spans_are_in_order_and_hold_every_token_once(bytes_tokenizer, small_tokenizer, text):
    for tokenizer in (bytes_tokenizer, small_tokenizer):
        spans = tokenizer.spans(text)
        place = 0
        for span in spans:
            assert place <= span.start < span.end <= len(text)
            place = span.end
        bounds = [0, *(span.last for span in spans)]
        assert [span.first for span in spans] == bounds[:-1]
        ids, _ = tokenizer.encode([text])
        assert bounds[-1] == len(ids) - 1


@given(text=HOSTILE)
def test_a_repaired_text_leads_back(text):
    whole = repaired(text)
    positions = original_positions(text, whole)
    if positions is None:
        assert len(whole) == len(text)
        return
    assert len(positions) == len(whole) + 1
    assert positions[-1] == len(text)
    for character, start, end in zip(whole, positions, positions[1:], strict=False):
        assert repaired(text[start:end]) in (character, "\ufffd")
        assert character in (repaired(text[start:end]), "\ufffd")


def test_pieces_without_characters_join_their_neighbours():
    assert whole_spans("ab", [(0, 0), (0, 1), (1, 1), (1, 2)]) == [(0, 1, 0, 3), (1, 2, 3, 4)]
    assert whole_spans("   ab", [(0, 0), (3, 5)]) == [(3, 5, 0, 2)]
    assert whole_spans("", [(0, 0)]) == [(0, 0, 0, 1)]
    assert whole_spans("abc", [(0, 2), (1, 3)]) == [(0, 3, 0, 2)]


def test_what_exceeds_the_longest_text_has_no_place():
    tokenizer = TextTokenizer.train(["a few words", "a few words"], 300, 4)
    spans = tokenizer.spans("Words, words")
    assert [(span.start, span.end) for span in spans] == [(0, 5), (5, 6)]  # the comma in two pieces


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "\U0001f1e9", "\U0001f1e9\U0001f1ea", "\U0001f1e9\u0301", "\U0001f1e9\u200d"),
        *("\u0301", "e\u0323\u0302", "👩\u200d", "\u200d", "🏽", "👍🏽", "\ufe0f", "\U000e0067"),
        *(
            "\u1100",
            "\u1161",
            "\u11a8",
            "\u1100\u1161\u11a8",
            "각",
            "क्",
            "क्ष",
            "กำ",
            "\u0e33",
            "ﬁ",
            "雨",
        ),
        *("\ud83d", "\ud83d\ude00", "\u200b"),
    ],
    ids=ascii,
)
def test_long_runs_take_linear_time(unit):
    tokenizer = TextTokenizer.train(["a few words"], 300, 32_768)

    def seconds(count):
        text = unit * (count // len(unit))
        times = []
        for _ in range(3):
            start = time.process_time()
            tokenizer.spans(text)
            times.append(time.process_time() - start)
        return min(times)

    seconds(100)
    # Four times as long a text takes 4 times as long, or 16 times if the time is quadratic.
    assert seconds(4_000) < 9 * seconds(1_000)
