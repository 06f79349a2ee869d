"""Lines of streams as fastText reads them."""

import pytest

from wave_network.fasttext.lines import groups, parts, stream_lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ([], []),
        ([b"a b\n", b"c"], [b"a b\n", b"c"]),
        ([b"\n", b" \n"], [b"\n", b" \n"]),
        ([b"a </s> b\n"], [b"a </s> ", b"b\n"]),
        ([b"a </s>\n"], [b"a </s>", b"\n"]),
        ([b"a </s> "], [b"a </s> "]),
        ([b"a</s>b </s>\n"], [b"a</s>b </s>", b"\n"]),
        ([b"</s></s> </s>"], [b"</s></s> </s>"]),
    ],
)
def test_the_word_for_the_end_ends_a_line(content, lines):
    assert list(stream_lines(content)) == lines


def test_groups_keep_the_order():
    lines = [b"%d\n" % number for number in range(2_500)]
    grouped = list(groups(iter(lines)))
    assert [len(group) for group in grouped] == [1_024, 1_024, 452]
    assert [line for group in grouped for line in group] == lines


def test_labels_stand_anywhere():
    assert parts(b"__label__a the __label__b cat\n") == ([b"__label__a", b"__label__b"], b"the cat")
    assert parts(b"the  cat\n") == ([], b"the  cat")
    assert parts(b"a </s> __label__b\n") == ([], b"a </s> __label__b")
