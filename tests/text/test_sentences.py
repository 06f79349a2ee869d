import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.text import split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        [],
        ["One sentence without an end"],
        ["It rained. ", "We stayed in! ", "Why? ", "Nobody knew… ", "Then it stopped."],
        ['He said "no." ', "She left (early!) ", "They ran.”"],
        ["Pi is 3.14 and example.com is a site. ", "Next."],
        ["Mr. Smith met Dr. Who and J. R. Jones. ", "They spoke."],
        ["U.S. oil rose. ", "OPEC met."],
        ["А. С. Пушкин родился в Москве. ", "Он писал стихи."],
        ["Wait... ", "What?! ", "Yes."],
        ["A headline\n", "A line below\r\n\r\n  ", "and another"],
        ["今日は雨です。", "明日は？", "「晴れ！」", "と言った。"],
        ["他来了。 ", "我走了！", "好"],
        ["दिल्ली में बारिश हुई। ", "मैच रद्द हुआ।"],
        ["هل وصلت؟ ", "نعم وصلت. ", "شكرا"],
        ["สวัสดีครับ วันนี้ฝนตก"],
        ["비가 왔습니다. ", "경기는 취소되었습니다."],
        ["  \n leading space. ", "More"],
    ],
)
def test_splits_where_a_reader_would(sentences):
    assert split_sentences("".join(sentences)) == sentences


def test_white_space_alone_is_one_blank_piece():
    assert split_sentences(" \n\n ") == [" \n\n "]


@given(st.text(alphabet=st.sampled_from("aB.!?…。।'\") \n\r\u2028\u3000Mr\x1c3्"), max_size=60))
def test_the_pieces_join_back_and_none_is_blank(text):
    pieces = split_sentences(text)
    assert "".join(pieces) == text
    assert all(piece.strip() for piece in pieces) or pieces == [text]


@pytest.mark.parametrize(
    "unit", [".", ". ", ".) ", "a. ", "\n", " ", " \n", "。", "。 ", '."', " .", ")", "\r\n", "a"]
)
def test_hostile_input_takes_linear_time(unit):
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    assert "".join(split_sentences(text)) == text
    assert time.process_time() - start < 10


def test_a_long_run_before_a_late_mismatch_takes_linear_time():
    text = "." * 500_000 + ")" * 500_000 + "x"
    start = time.process_time()
    assert split_sentences(text) == [text]
    assert time.process_time() - start < 5
