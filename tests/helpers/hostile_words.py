"""Forms of word tables, and words and texts that are hard to split, count and spell."""

import pytest
from native import needs_native

from wave_network import _native
from wave_network.text.word_table import PythonWordTable

every_form = pytest.mark.parametrize(
    "make",
    [
        pytest.param(PythonWordTable, id="python"),
        pytest.param(
            lambda limit: _native.compiled.WordTable(limit, 7), id="compiled", marks=needs_native
        ),
    ],
)

HOSTILE_WORDS = [
    *(
        "The",
        "the",
        "it's",
        "3.5%",
        "U.S.",
        "a-b",
        "[CLS]",
        "Ｔhe",
        "café",
        "İ",
        "ﬁ",
        "ß",
        "雨",
        "🦙",
    ),
    *(
        "\0",
        "a\0",
        "\x1c",
        "\x7f",
        "\x85",
        "\xa0",
        "\u2028",
        "\ufeff",
        "a\u0301",
        "x" * 300,
        "!" * 99,
    ),
]
