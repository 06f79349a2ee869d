"""The tokenizer of a fastText model, and its file."""

import json
from itertools import chain

import numpy as np
import pytest

from wave_network.errors import ConfigError, ModelFolderError
from wave_network.text.fasttext_dictionary import FastTextDictionary, PlainReader, signed_hash
from wave_network.text.fasttext_tokenizer import FastTextTokenizer

KEPT = np.array([3, 7], np.int32), np.array([1, 0], np.int32)


def tokenizer(kept=KEPT):
    entries = [b"</s>", b"\xff\x80", "é".encode(), b"__label__a"]
    return FastTextTokenizer(FastTextDictionary(entries, np.arange(4), 3, 1, 2, 2, 11, kept))


def test_a_text_is_one_line():
    found = tokenizer(None)
    both = found.encode(["a b\nc", "a b c"])
    np.testing.assert_array_equal(*np.split(both.ids, 2))
    assert both.ids[-1] >= 3
    assert 0 in both.ids  # the end of the line
    assert found.encode([]).offsets.tolist() == [0]
    assert len(found.encode(["\ud800"]).ids)  # half a character becomes another


@pytest.mark.parametrize("kept", [None, KEPT])
def test_it_is_written_and_read_again(kept, tmp_path):
    tokenizer(kept).save(tmp_path)
    content = (tmp_path / "tokenizer.json").read_bytes()
    again = FastTextTokenizer.parse(content, tmp_path / "tokenizer.json").dictionary
    first = tokenizer(kept).dictionary
    assert again.entries == first.entries
    np.testing.assert_array_equal(again.counts, first.counts)
    for name in ("words", "shortest", "longest", "ngram", "buckets"):
        assert getattr(again, name) == getattr(first, name)
    np.testing.assert_equal(again.kept, first.kept)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "BPE"}, "not the tokenizer of a fastText model"),
        ({"words": 5}, "not as many"),
        ({"words": -1}, "not as many"),
        ({"words": 1.5}, "not whole numbers"),
        ({"counts": [1]}, "not as many"),
        ({"counts": [[1, 2], [3, 4]]}, "not numbers"),
        ({"counts": "x"}, "damaged"),
        ({"longest": 1000}, "longer than 100"),
        ({"ngram": 1000}, "longer than 100"),
        ({"buckets": 0}, "no buckets"),
        ({"buckets": 2**31}, "buckets"),
        ({"kept": [[1], [1, 2]]}, "not valid"),
        ({"kept": [[-1], [0]]}, "not valid"),
        ({"kept": [[1], [2**31 - 1]]}, "not valid"),
        ({"kept": [[1], [2**31]]}, "damaged"),
        ({"kept": 3}, "damaged"),
        ({"entries": [1, 2, 3, 4]}, "damaged"),
    ],
)
def test_a_damaged_file_ends_in_one_line(changes, message, tmp_path):
    tokenizer().save(tmp_path)
    values = json.loads((tmp_path / "tokenizer.json").read_text())
    content = json.dumps({**values, **changes}).encode()
    with pytest.raises(ModelFolderError, match=message):
        FastTextTokenizer.parse(content, tmp_path / "tokenizer.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"{}", b"\xff", b"[" * 100_000])
def test_a_file_of_something_else(content, tmp_path):
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json is damaged"):
        FastTextTokenizer.parse(content, tmp_path / "tokenizer.json")


def test_a_missing_field_is_named(tmp_path):
    tokenizer().save(tmp_path)
    values = json.loads((tmp_path / "tokenizer.json").read_text())
    del values["buckets"]
    with pytest.raises(ModelFolderError, match="it has no 'buckets'"):
        FastTextTokenizer.parse(json.dumps(values).encode(), tmp_path / "tokenizer.json")


@pytest.mark.parametrize("kept", [None, KEPT])
@pytest.mark.parametrize("compiled", [True, False])
def test_values_of_rows_go_to_the_words_that_have_them(kept, compiled):
    made = tokenizer(kept)
    if not compiled:
        made.reader = PlainReader(made.dictionary)
    text = "ab __label__a\té \ud83d\ude00\udfff </s> cd"
    rows = made.encode([text]).ids
    words = [b"ab", "é".encode(), "\U0001f600\ufffd".encode(), b"</s>"]
    of_words = [[row for _, row in made.dictionary.subwords(word)] for word in words]
    ngrams = list(made.dictionary.word_ngrams([signed_hash(word) for word in words]))
    assert [*chain(*of_words), *(row for _, _, row in ngrams)] == rows.tolist()
    expected = [float(sum(own)) for own in of_words]
    for first, last, row in ngrams:
        for place in range(first, min(last, 3)):
            expected[place] += row / (min(last, 3) - first)
    found = list(made.by_token(text, rows, np.ones(len(rows))))
    assert [text[start:end] for start, end, _ in found] == ["ab", "é", "\ud83d\ude00\udfff"]
    assert [sums[0] for _, _, sums in found] == pytest.approx(expected[:3])
    ends = len(of_words[3])
    assert sum(sums[1] for _, _, sums in found) == pytest.approx(len(rows) - ends)
    assert list(made.by_token("</s> a", np.zeros(9))) == []


def test_what_hashes_or_has_no_end_has_no_tokenizer_of_the_library():
    with pytest.raises(ConfigError, match="cannot hash them"):
        tokenizer().standalone(9)
    endless = FastTextDictionary([b"a", b"__label__a"], np.arange(2), 1, 0, 0, 1, 0)
    with pytest.raises(ConfigError, match="without </s>"):
        FastTextTokenizer(endless).standalone(9)


def test_the_end_of_the_line_may_be_a_label():
    entries = [b"a", b"</s>"]
    made = FastTextTokenizer(FastTextDictionary(entries, np.arange(2), 1, 0, 0, 2, 5))
    rows = made.encode(["a b"]).ids
    ((_, _, first), (_, _, second)) = made.by_token("a b", np.ones(len(rows)))
    assert first + second == [1.5, 0.5]  # a row of its own, and one that both share
