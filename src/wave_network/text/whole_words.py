"""Split texts into whole words, without a vocabulary of pieces."""

from __future__ import annotations

from collections.abc import Callable

from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Model

from wave_network.text.scripts import split_step
from wave_network.text.vocabulary import Form, text_of, wordless, words_in


def word_splitter() -> Callable[[str], list[str]]:
    """Return a function that splits a string without spaces into words in lower case.

    It finds the words that the tokenizers of `learn_vocabulary` find; of scripts without spaces,
    the characters.
    """
    form = Form(split=True)
    tokenizer = wordless(form)
    return lambda string: [text_of(word) for word in words_in(string, tokenizer, form)]


def whole_words_tokenizer(model: Model, *, cased: bool) -> Tokenizer:
    """Return a tokenizer that looks words up.

    Args:
        model: The words.
        cased: Split texts at spaces alone, and keep capital letters; else as `word_splitter` does.
    """
    tokenizer = Tokenizer(model)
    if cased:
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return tokenizer
    steps = [pre_tokenizers.BertPreTokenizer(), split_step()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    return tokenizer
