import os
import pty
from io import StringIO

import pytest

from wave_network.progress.terminal import columns_of, cut, width_of


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("新聞", 4), ("e\u0301", 1), ("caf\xe9", 4)]
)
def test_wide_characters_take_two_columns_and_accents_none(text, columns):
    assert columns_of(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("新聞社", 6, "新聞社"),
        ("新聞社", 5, "新聞…"),
        ("新聞社", 4, "新…"),
        ("e\u0301" * 3, 3, "e\u0301" * 3),
        ("x" * 10**6, 5, "xxxx…"),
    ],
)
def test_a_text_that_is_too_wide_is_cut(text, columns, expected):
    assert cut(text, columns) == expected


def test_what_is_no_terminal_has_eighty_columns():
    assert width_of(StringIO()) == 80
    ours, theirs = pty.openpty()  # of a size that nobody has set
    with os.fdopen(theirs, "w") as stream:
        assert width_of(stream) == 80
    os.close(ours)
