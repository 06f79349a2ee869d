"""Tokenizers of learnt vocabularies."""

from wave_network.text.vocabulary import learn_vocabulary


def learn_tokenizer(*arguments, **options):
    return learn_vocabulary(*arguments, **options).tokenizer
