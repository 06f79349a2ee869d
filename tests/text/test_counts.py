"""What is read of texts, and what is not, is counted."""

import numpy as np
import pytest
from native import native_hidden

from wave_network.text import TextTokenizer
from wave_network.text.counts import CountingTokenizer, TextCounts, counting_tokenizer
from wave_network.text.fasttext_dictionary import FastTextDictionary
from wave_network.text.fasttext_tokenizer import FastTextTokenizer
from wave_network.text.tokenizer import CHARACTERS_PER_TOKEN

TEXTS = ["the cat sat on the mat " * length for length in (0, 1, 2, 5, 9)] + ["naïve café ☕" * 9]


@pytest.fixture(params=["compiled", "python"])
def tokenizer(request):
    if request.param == "python":
        with native_hidden():
            yield TextTokenizer.train(TEXTS, 400, 16)
    else:
        yield TextTokenizer.train(TEXTS, 400, 16)


def counts_of(tokenizer, texts):
    counts = TextCounts(tokenizer)
    counts.add(texts, np.diff(tokenizer.encode(texts).offsets))
    return counts


def test_tokens_that_are_not_read_are_counted(tokenizer):
    counts = counts_of(tokenizer, TEXTS)
    whole = np.diff(TextTokenizer(tokenizer.standalone(), 10**6).encode(TEXTS).offsets) - 1
    assert counts.texts == len(TEXTS)
    assert counts.empty == 1
    assert counts.cut == (whole > 15).sum() == 3
    assert counts.tokens == whole.sum()
    assert counts.lost == np.maximum(whole - 15, 0).sum()
    assert counts.longest == whole.max() + 1


def test_a_text_of_exactly_the_limit_is_not_cut(tokenizer):
    counts = counts_of(tokenizer, [" ".join(["cat"] * 15), " ".join(["cat"] * 16)])
    assert (counts.cut, counts.lost, counts.tokens) == (1, 1, 31)


def test_what_is_lost_of_a_huge_text_is_estimated_from_its_start(tokenizer):
    long = "cat " * 100_000
    counts = counts_of(tokenizer, [long])
    assert len(long) > CHARACTERS_PER_TOKEN * 16
    assert counts.tokens == pytest.approx(100_000, rel=0.01)


def test_duplicates_are_counted_but_not_empty_texts(tokenizer):
    assert counts_of(tokenizer, ["", "", " ", "cat", "cat", "cat ", "cat"]).duplicates() == 2


def test_a_counting_tokenizer_gives_the_same_ids(tokenizer):
    counts = TextCounts(tokenizer)
    counting = CountingTokenizer(tokenizer, counts)
    np.testing.assert_array_equal(counting.encode(TEXTS).ids, tokenizer.encode(TEXTS).ids)
    sentences, expected = counting.encode_sentences(TEXTS), tokenizer.encode_sentences(TEXTS)
    np.testing.assert_array_equal(sentences.ids, expected.ids)
    assert counts.texts == 2 * len(TEXTS)
    assert counts.cut == 6


def test_a_text_of_words_that_fasttext_does_not_know_is_not_empty():
    dictionary = FastTextDictionary([b"</s>", b"the"], np.ones(2, np.int64), 2, 0, 0, 1, 0)
    tokenizer = FastTextTokenizer(dictionary)
    counts = TextCounts(tokenizer)
    counting = counting_tokenizer(tokenizer, counts)
    texts = ["unknown", "", " \n", "the the", "the the"]
    batch = counting.encode(texts)
    np.testing.assert_array_equal(batch.ids, tokenizer.encode(texts).ids)
    assert (counts.texts, counts.empty, counts.cut, counts.duplicates()) == (5, 2, 0, 1)
