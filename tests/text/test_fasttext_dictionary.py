"""fastText's dictionary: words, subwords, n-grams and labels of lines."""

import pickle

import numpy as np
import pytest
from native import every_form, native_hidden, needs_native

from wave_network._native.threads import using
from wave_network.text.fasttext_dictionary import (
    FastTextDictionary,
    NativeReader,
    PlainReader,
    hashed,
    line_reader,
    tokens,
)

ENTRIES = [b"</s>", b"the", b"caf\xc3\xa9", b"\xff\xfe", b"__label__a", b"__label__b"]


def dictionary(**changes):
    values = {"words": 4, "shortest": 2, "longest": 4, "ngram": 3, "buckets": 97}
    return FastTextDictionary(ENTRIES, np.arange(6, 0, -1), **{**values, **changes})


def rows(reader, line):
    return reader.read([line]).ids.tolist()


def test_the_hash_has_signed_bytes():
    # FNV-1a for ASCII; bytes from 0x80 on count as negative numbers.
    assert hashed(b"") == 2166136261
    assert hashed(b"a") == 0xE40C292C
    assert hashed(b"\xe9") == ((2166136261 ^ 0xFFFFFFE9) * 16777619) % 2**32


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", []),
        (b"a b", [b"a", b"b"]),
        (b"a b\n", [b"a", b"b", b"</s>"]),
        (b" \t\x0b\x0c\r\0a\0\n", [b"a", b"</s>"]),
        (b"a </s> b\n", [b"a", b"</s>"]),
        (b"a</s>\nb", [b"a</s>", b"</s>"]),
        (b"\xc2\xa0a\xe2\x80\x83b", [b"\xc2\xa0a\xe2\x80\x83b"]),
    ],
)
def test_words_end_at_ascii_blanks(line, found):
    assert list(tokens(line)) == found


def test_subwords_do_not_cut_characters():
    words = dictionary(shortest=1, longest=3)
    assert [part for part, _ in words.subwords("é中".encode())] == [
        part.encode() for part in ("<é", "<é中", "é", "é中", "é中>", "中", "中>")
    ]
    assert words.subwords(b"</s>") == [(b"</s>", 0)]
    assert words.subwords(b"the")[0] == (b"the", 1)


@every_form
def test_a_line_has_words_then_ngrams(form):
    with native_hidden(form == "not compiled"):
        reader = line_reader(dictionary(longest=0, ngram=2))
        ids = rows(reader, b"the the\n")
        assert ids[:3] == [1, 1, 0]
        assert len(ids) == 5  # two bigrams, that with the end of the line among them
        assert ids[3] != ids[4]
        assert rows(line_reader(dictionary(longest=0, ngram=1)), b"the the\n") == [1, 1, 0]


@every_form
def test_labels_are_no_words(form):
    with native_hidden(form == "not compiled"):
        reader = line_reader(dictionary(longest=0, ngram=1))
        read = reader.read([b"__label__b the __label__unknown __label__a\n", b"the"])
        assert read.ids.tolist() == [1, 0, 1]
        assert read.offsets.tolist() == [0, 2, 3]
        assert read.labels.tolist() == [1, 0]
        assert read.label_offsets.tolist() == [0, 2, 2]


@every_form
def test_a_pruned_model_has_rows_for_some_buckets(form):
    whole = dictionary(longest=3, ngram=1)
    all_rows = [row for _, row in whole.subwords(b"the")][1:]
    kept = np.array([all_rows[2] - 4, all_rows[0] - 4], np.int32), np.array([0, 1], np.int32)
    with native_hidden(form == "not compiled"):
        reader = line_reader(dictionary(longest=3, ngram=1, kept=kept))
        found = [5 if row == all_rows[0] else 4 for row in all_rows if row in all_rows[:3:2]]
        assert rows(reader, b"the") == [1, *found]
    none = np.empty(0, np.int32)
    assert rows(PlainReader(dictionary(kept=(none, none))), b"the") == [1]


def test_the_rows_that_a_table_needs():
    assert dictionary().rows == 4 + 97
    assert dictionary(longest=0, ngram=1).rows == 4
    assert dictionary(kept=(np.array([5, 9], np.int32), np.array([1, 0], np.int32))).rows == 6


@needs_native
def test_both_forms_read_hostile_lines_alike():
    random = np.random.default_rng(0)
    pieces = [
        b" ",
        b"\0",
        b"\n",
        b"the",
        b"</s>",
        b"__label__a",
        b"\xc3",
        b"\xa9",
        b"\xff\xfe",
        b"<",
    ]
    lines = [
        b"".join(pieces[place] for place in random.integers(len(pieces), size=length))
        for length in random.integers(0, 30, 400)
    ]
    kept = np.arange(40, dtype=np.int32), np.arange(40, dtype=np.int32)[::-1].copy()
    for changes in ({}, {"shortest": 0, "longest": 2}, {"longest": 0}, {"kept": kept}):
        words = dictionary(**changes)
        for compiled, plain in zip(
            NativeReader(words).read(lines), PlainReader(words).read(lines), strict=True
        ):
            np.testing.assert_array_equal(compiled, plain)


@needs_native
def test_threads_change_nothing():
    lines = [b"the caf\xc3\xa9 number %d __label__a\n" % number for number in range(20_000)]
    reader = NativeReader(dictionary())
    with using(1):
        alone = reader.read(lines)
    with using(4):
        together = reader.read(lines)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@every_form
def test_equal_entries_count_as_the_last(form):
    entries = [b"the", b"the", b"__label__a"]
    words = FastTextDictionary(entries, np.ones(3, np.int64), 2, 0, 0, 1, 0)
    with native_hidden(form == "not compiled"):
        assert rows(line_reader(words), b"the") == [1]


@needs_native
def test_a_reader_can_be_copied_to_another_process():
    reader = pickle.loads(pickle.dumps(NativeReader(dictionary())))
    assert rows(reader, b"the caf\xc3\xa9\n") == rows(
        PlainReader(dictionary()), b"the caf\xc3\xa9\n"
    )


@every_form
def test_no_lines_at_all(form):
    with native_hidden(form == "not compiled"):
        read = line_reader(dictionary()).read([])
    assert [len(part) for part in read] == [0, 1, 0, 1]
