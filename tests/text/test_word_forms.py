from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from vocabularies import learn_tokenizer

from wave_network.text.tokenizer import TextTokenizer
from wave_network.text.word_forms import word_forms


def ids(entries):
    return {entry: index for index, entry in enumerate(entries)}


def test_entries_of_bert():
    entries = [
        "[PAD]",
        "[unused12]",
        "[UNK]",
        "[",
        "]",
        "[MASK]",
        "the",
        "##s",
        "é",
        "##",
        "<",
        ">",
    ]
    tokenizer = Tokenizer(models.WordPiece(ids(entries), unk_token="[UNK]"))
    kept = ["[", "]", "the", "##s", "é", "##", "<", ">"]
    assert list(word_forms(tokenizer).items()) == [(word, entries.index(word)) for word in kept]


def test_bytes_become_characters():
    spelt = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    words = ["the", "é", "日本"]
    entries = [spelt.pre_tokenize_str(word)[0][0] for word in words]
    entries += ["s", "Ġ", "<s>", "<|endoftext|>", entries[1][:-1]]
    tokenizer = Tokenizer(models.BPE(ids(entries), []))
    tokenizer.decoder = decoders.ByteLevel()
    assert word_forms(tokenizer) == {"the": 0, "é": 1, "日本": 2, "##s": 3}


def test_marks_of_sentencepiece():
    entries = ["<unk>", "▁the", "▁", "s", "▁Ġobon", "Ġ"]
    tokenizer = Tokenizer(models.Unigram([(entry, -1.0) for entry in entries], unk_id=0))
    tokenizer.decoder = decoders.Metaspace()
    assert word_forms(tokenizer) == {"the": 1, "##s": 3, "Ġobon": 4, "##Ġ": 5}


def test_vocabularies_learnt_here():
    tokenizer = learn_tokenizer(["the cat sat on the mat, café"] * 3, 400)
    forms = word_forms(tokenizer)
    assert {"the", "cat", "sat", "on", "mat", "café", "##c", "##,"} <= set(forms)
    assert "[CLS]" not in forms
    wrapped = TextTokenizer(tokenizer, 16)
    assert wrapped.tokens([forms["café"]]) == [" café"]


def test_whole_words():
    tokenizer = Tokenizer(models.WordLevel(ids(["[UNK]", "the", "Cat"]), unk_token="[UNK]"))
    assert word_forms(tokenizer) == {"the": 1, "Cat": 2}
