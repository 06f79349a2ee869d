"""Language identification on everyday sentences in 14 languages, with every tokenizer family.

The sentences of `text/languages.tsv` were written for this test.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from wave_network import WaveClassifier, load

FILE = Path(__file__).parent / "text" / "languages.tsv"
SPECIAL = ["[CLS]", "[UNK]", "[PAD]"]


def read():
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", strict=True))
    return [row["text"] for row in rows], [row["label"] for row in rows]


TEXTS, LANGUAGES = read()
# Every fourth sentence of each language is unseen.
UNSEEN = np.arange(len(TEXTS)) % 4 == 3
TRAINING = [text for text, unseen in zip(TEXTS, UNSEEN, strict=True) if not unseen]


def save(tokenizer, trainer, folder):
    tokenizer.train_from_iterator(TRAINING, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder / "tokenizer.json")


def word_piece(folder):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return save(
        tokenizer, trainers.WordPieceTrainer(vocab_size=2_000, special_tokens=SPECIAL), folder
    )


def bpe(folder):
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return save(tokenizer, trainers.BpeTrainer(vocab_size=2_000, special_tokens=SPECIAL), folder)


def unigram(folder):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=2_000, special_tokens=SPECIAL, unk_token="[UNK]", show_progress=False
    )
    return save(tokenizer, trainer, folder)


def byte_level(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2_000,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return save(tokenizer, trainer, folder)


FAMILIES = {
    "own": lambda folder: None,
    "WordPiece": word_piece,
    "BPE": bpe,
    "Unigram": unigram,
    "byte-level BPE": byte_level,
}


@pytest.fixture(scope="module", params=FAMILIES)
def fitted(request, tmp_path_factory):
    tokenizer = FAMILIES[request.param](tmp_path_factory.mktemp("tokenizer"))
    languages = [one for one, unseen in zip(LANGUAGES, UNSEEN, strict=True) if not unseen]
    model = WaveClassifier("tiny", tokenizer=tokenizer, seed=0).fit(TRAINING, languages)
    folder = tmp_path_factory.mktemp("model") / "languages"
    model.save(folder)
    return load(folder)


def test_there_are_a_few_hundred_sentences_and_none_twice():
    assert len(set(TEXTS)) == len(TEXTS) == 280
    assert len(set(LANGUAGES)) == 14


def test_unseen_sentences_are_told_apart(fitted):
    texts = [text for text, unseen in zip(TEXTS, UNSEEN, strict=True) if unseen]
    truth = [one for one, unseen in zip(LANGUAGES, UNSEEN, strict=True) if unseen]
    answers = [prediction.label for prediction in fitted.predict(texts)]
    assert np.mean([a == b for a, b in zip(answers, truth, strict=True)]) >= 0.8


def test_no_sentence_is_without_tokens(fitted):
    _, offsets = fitted.tokenizer.encode(TEXTS)
    assert np.diff(offsets).min() > 1


def test_a_language_never_seen_and_a_mixture_are_answered(fitted):
    texts = ["Ποῦ εἶναι ὁ σταθμός;", "Where is the 図書館 und всё 🙂?", "ⴰⵣⵓⵍ", ""]
    probabilities = fitted.predict_proba(texts)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
