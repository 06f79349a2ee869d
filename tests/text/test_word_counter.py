from collections import Counter

import pytest
from hostile_words import HOSTILE_WORDS
from hypothesis import given, settings
from hypothesis import strategies as st
from native import needs_native

from wave_network import _native
from wave_network.text.plain_words import plain_parts
from wave_network.text.vocabulary import Form, _add_words, _wordless
from wave_network.text.word_counter import PythonWordCounter, word_counter

TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(st.characters(max_codepoint=0x7F))
    | st.lists(st.sampled_from(HOSTILE_WORDS) | st.sampled_from(["", " ", "\n", "\r\n", "\t"])).map(
        " ".join
    )
)


def words_of(counter, texts):
    """The words of texts, as often as there are."""
    others = Counter()
    for text in texts:
        counter.add(text, others)
    words = Counter()
    _add_words(words, others, _wordless(Form()), Form())
    words.update(counter.counts())
    return words


@needs_native
@settings(max_examples=500)
@given(TEXTS)
def test_both_forms_count_the_same(texts):
    counted = words_of(_native.compiled.WordCounter(7), texts)
    assert counted == words_of(PythonWordCounter(), texts)


@needs_native
def test_halves_of_surrogate_pairs_are_left_to_others():
    counter, others = _native.compiled.WordCounter(7), Counter()
    counter.add("a \udc00 a\ud800", others)
    assert others == {"\udc00": 1, "a\ud800": 1}
    assert counter.counts() == {"Ġa": 1}


@needs_native
def test_only_strings_that_are_not_plain_are_left_to_others():
    counter, others = _native.compiled.WordCounter(7), Counter({"é": 2})
    text = "The U.S. team's café, the CAFÉ\u2028é\tend"
    counter.add(text, others)
    assert others == {"é": 3, "café,": 1, "CAFÉ": 1}
    plain = [f"Ġ{part}" for string in text.split() for part in plain_parts(string) or ()]
    assert counter.counts() == Counter(plain)


@needs_native
def test_many_words_are_counted():
    counter, others = _native.compiled.WordCounter(7), Counter()
    words = [f"{number:x}" for number in range(50_000)]
    for start in range(0, len(words), 100):
        counter.add(" ".join(words[start : start + 100] + words[:100]), others)
    expected = Counter({f"Ġ{word}": 1 for word in words})
    expected.update({f"Ġ{word}": 500 for word in words[:100]})
    assert counter.counts() == expected
    assert not others


@needs_native
@pytest.mark.parametrize("arguments", [("a",), (b"a", Counter()), ("a", []), ("é", {"é": "1"})])
def test_wrong_types_are_refused(arguments):
    with pytest.raises(TypeError):
        _native.compiled.WordCounter(7).add(*arguments)
    with pytest.raises(TypeError):
        _native.compiled.WordCounter("7")


@needs_native
@pytest.mark.parametrize("count", [2**63 - 1, 2**63, -(2**63) - 1])
def test_a_count_that_is_too_large_is_refused(count):
    with pytest.raises(ValueError, match="out of range"):
        _native.compiled.WordCounter(7).add("é", Counter({"é": count}))


@needs_native
def test_the_compiled_form_is_the_one_that_is_used():
    assert isinstance(word_counter(), _native.compiled.WordCounter)


def test_without_it_the_python_form_is_used(without_native):
    assert isinstance(word_counter(), PythonWordCounter)
