import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_models import TEXTS
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from wave_network.errors import ModelFolderError
from wave_network.text.byte_level import ByteLevelTokenizer

TOKENIZER = ByteLevelTokenizer.learn(TEXTS * 3, 300)
ODD = [
    "",
    " ",
    "\n\n  \t",
    "<doc>",
    "[CLS]",
    "a" * 5_000,
    "\0\x7f",
    "é\u0301",
    "\U0001f468\u200d\U0001f469",
]


@given(st.text())
def test_decoding_gives_every_text_back(text):
    (ids,) = TOKENIZER.encode([text])
    assert TOKENIZER.decode(ids) == text.encode()
    assert TOKENIZER.lengths[ids].sum() == len(text.encode())


@pytest.mark.parametrize("text", ODD)
def test_odd_texts(text):
    (ids,) = TOKENIZER.encode([text])
    assert TOKENIZER.decode(ids) == text.encode()
    assert TOKENIZER.start not in ids


def test_halves_of_characters_are_replaced():
    (ids,) = TOKENIZER.encode(["a\ud800b"])
    assert TOKENIZER.decode(ids).decode() == "a\ufffdb"


def test_the_start_has_no_bytes():
    assert TOKENIZER.decode([TOKENIZER.start]) == b""
    assert TOKENIZER.lengths[TOKENIZER.start] == 0


def test_pieces_are_learnt():
    (ids,) = TOKENIZER.encode(TEXTS[:1])
    assert len(ids) < len(TEXTS[0]) / 1.2
    assert TOKENIZER.start == len(TOKENIZER.pieces) <= 300


def test_a_very_long_word_is_learnt_from_in_bounded_time():
    learnt = ByteLevelTokenizer.learn(["ab" * 300_000], 300)
    assert learnt.decode(learnt.encode(["abab"])[0]) == b"abab"


def test_it_is_written_and_read():
    again = ByteLevelTokenizer.parse(TOKENIZER.to_json(), Path("tokenizer.json"))
    assert again.pieces == TOKENIZER.pieces
    for text in TEXTS:
        np.testing.assert_array_equal(again.encode([text])[0], TOKENIZER.encode([text])[0])


def changed(**parts):
    tokenizer = Tokenizer.from_str(TOKENIZER.to_json().decode())
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer.to_str().encode()


def with_vocabulary(change):
    content = json.loads(TOKENIZER.to_json())
    change(content["model"]["vocab"])
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "not a tokenizer file"),
        (changed(normalizer=normalizers.Lowercase()), "not a byte-level tokenizer"),
        (changed(pre_tokenizer=pre_tokenizers.Whitespace()), "not a byte-level tokenizer"),
        (changed(pre_tokenizer=pre_tokenizers.ByteLevel()), "not a byte-level tokenizer"),
        (changed(model=models.WordLevel({"a": 0}, "a")), "not a byte-level tokenizer"),
        (with_vocabulary(lambda vocabulary: vocabulary.update(a=100_000)), "ids are not those"),
        (with_vocabulary(lambda vocabulary: vocabulary.update({"雨": 300})), "no byte"),
    ],
)
def test_what_could_lose_bytes_is_refused(content, said):
    with pytest.raises(ModelFolderError, match=said):
        ByteLevelTokenizer.parse(content, Path("tokenizer.json"))
