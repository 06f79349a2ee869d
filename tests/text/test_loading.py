import json
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from wave_network.errors import ModelFolderError
from wave_network.text import TextTokenizer

CORPUS = [
    "the cats sat on the mats",
    "a cat and a dog sat unaffordably near the door",
    "dogs and cats are friends, aren't they?",
] * 4
TEXTS = ["", "The cat sat.", "<s> and [CLS] and [PAD]", "日本 ünknown 😀", "cats\n\n dogs  ", " "]


def make(model, trainer, before, normalizer=None, decoder=None):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = before
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if decoder is not None:
        tokenizer.decoder = decoder
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def word_piece():
    return make(
        models.WordPiece(unk_token="[UNK]"),
        trainers.WordPieceTrainer(
            vocab_size=120, special_tokens=["[PAD]", "[UNK]", "[CLS]"], show_progress=False
        ),
        pre_tokenizers.BertPreTokenizer(),
        normalizers.BertNormalizer(),
        decoders.WordPiece(),
    )


def bpe():
    return make(
        models.BPE(unk_token="<unk>"),
        trainers.BpeTrainer(vocab_size=120, special_tokens=["<s>", "<unk>"], show_progress=False),
        pre_tokenizers.Whitespace(),
    )


def unigram():
    return make(
        models.Unigram(),
        trainers.UnigramTrainer(
            vocab_size=80, special_tokens=["<s>", "<unk>"], unk_token="<unk>", show_progress=False
        ),
        pre_tokenizers.Metaspace(),
        normalizers.NFKC(),
        decoders.Metaspace(),
    )


def byte_level():
    return make(
        models.BPE(),
        trainers.BpeTrainer(
            vocab_size=320,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        None,
        decoders.ByteLevel(),
    )


def word_level():
    return make(
        models.WordLevel(unk_token="[UNK]"),
        trainers.WordLevelTrainer(special_tokens=["[UNK]", "[CLS]"], show_progress=False),
        pre_tokenizers.WhitespaceSplit(),
    )


FAMILIES = [word_piece, bpe, unigram, byte_level, word_level]


@pytest.fixture(params=FAMILIES, ids=lambda family: family.__name__)
def foreign(request, tmp_path):
    """A file of another project's tokenizer, with padding and truncation switched on."""
    tokenizer = request.param()
    tokenizer.enable_padding(length=50)
    tokenizer.enable_truncation(3)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def rows(tokenizer, texts):
    ids, offsets = tokenizer.encode(texts)
    return [ids[a:b].tolist() for a, b in pairwise(offsets)]


def test_every_family_gives_its_own_ids_after_cls(foreign):
    tokenizer = TextTokenizer.load(foreign, 64)
    original = Tokenizer.from_file(str(foreign))
    original.no_padding()
    original.no_truncation()
    for text in ("the cats sat on the mats", "a dog and a cat"):
        expected = original.encode(text, add_special_tokens=False).ids
        assert rows(tokenizer, [text]) == [[tokenizer.cls_token_id, *expected]]
    assert max(tokenizer.encode(TEXTS).ids) < tokenizer.vocab_size


def test_every_family_keeps_the_promises(foreign):
    tokenizer = TextTokenizer.load(foreign, 64)
    together = rows(tokenizer, TEXTS)
    assert together == [rows(tokenizer, [text])[0] for text in TEXTS]
    assert [row.count(tokenizer.cls_token_id) for row in together] == [1] * len(TEXTS)
    batch = tokenizer.encode_sentences(TEXTS)
    np.testing.assert_array_equal(batch.ids, tokenizer.encode(TEXTS).ids)
    assert set(batch.offsets) <= set(batch.sentence_offsets)


ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from(" \n\x1c\u0301\u3099\xa0\u2003'.catsİ"), st.characters(codec="utf-8")
    ),
    max_size=30,
)


def test_every_family_encodes_as_the_library_does(foreign):
    tokenizer = TextTokenizer.load(foreign, 1_000)
    original = Tokenizer.from_file(str(foreign))
    original.no_padding()
    original.no_truncation()
    original.encode_special_tokens = True

    @given(ANY_TEXT)
    @settings(deadline=None, max_examples=200)
    def holds(text):
        expected = original.encode(text, add_special_tokens=False).ids
        assert rows(tokenizer, [text])[0][1:] == expected

    holds()


def test_every_family_survives_saving(foreign, tmp_path):
    tokenizer = TextTokenizer.load(foreign, 64)
    folder = tmp_path / "saved"
    folder.mkdir()
    tokenizer.save(folder)
    again = TextTokenizer.load(folder, 64)
    assert rows(again, TEXTS) == rows(tokenizer, TEXTS)
    assert (again.vocab_size, again.cls_token_id) == (tokenizer.vocab_size, tokenizer.cls_token_id)


@pytest.mark.parametrize(
    ("family", "token"),
    [(word_piece, "[CLS]"), (bpe, "<s>"), (unigram, "<s>"), (byte_level, "[CLS]")],
)
def test_cls_is_the_vocabulary_s_own_or_added(family, token):
    wrapped = family()
    size = wrapped.get_vocab_size()
    known = wrapped.token_to_id(token) is not None
    tokenizer = TextTokenizer(wrapped, 8)
    assert tokenizer.tokens([tokenizer.cls_token_id]) == [token]
    assert tokenizer.vocab_size == size + (not known)


BERT_VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "un", "##aff", "##able", "!", "[", "]",
    "cl", "##s", "日", "本", "cafe", "'", "t", "don",
]  # fmt: skip


@pytest.fixture
def bert(tmp_path):
    content = "\n".join(BERT_VOCABULARY) + "\n"
    (tmp_path / "vocab.txt").write_text(content, encoding="utf-8")
    return TextTokenizer.load(tmp_path, 32)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The UNAFFABLE!", ["the", "un", "##aff", "##able", "!"]),
        ("Café don't", ["cafe", "don", "'", "t"]),
        ("日本 unaff", ["日", "本", "un", "##aff"]),
        ("[CLS] [MASK]", ["[", "cl", "##s", "]", "[", "[UNK]", "]"]),
        ("the\x00 the\u200bthe un" + "able" * 30, ["the", "[UNK]", "[UNK]"]),
        ("zzz the", ["[UNK]", "the"]),
        ("", []),
    ],
)
def test_a_vocabulary_of_bert_gives_bert_s_word_pieces(bert, text, expected):
    ids = [BERT_VOCABULARY.index(piece) for piece in ["[CLS]", *expected]]
    assert rows(bert, [text]) == [ids]


def test_bert_s_folder_may_hold_windows_line_ends(tmp_path):
    (tmp_path / "vocab.txt").write_bytes("\r\n".join(BERT_VOCABULARY).encode())
    tokenizer = TextTokenizer.load(str(tmp_path), 32)
    assert tokenizer.vocab_size == len(BERT_VOCABULARY)
    assert rows(tokenizer, ["the un"]) == [[2, 5, 6]]


def damaged(folder):
    (folder / "tokenizer.json").write_text('{"model": ')
    return folder


def foreign_json(folder):
    (folder / "tokenizer.json").write_text(json.dumps({"labels": ["a", "b"]}))
    return folder / "tokenizer.json"


def not_a_vocabulary(folder):
    (folder / "vocab.txt").write_text("just\nwords\n")
    return folder


def not_utf8(folder):
    (folder / "vocab.txt").write_bytes(b"[UNK]\n\xff\xfe\n")
    return folder


@pytest.mark.parametrize(
    ("make_source", "message"),
    [
        (damaged, "is not a tokenizer file"),
        (foreign_json, "is not a tokenizer file"),
        (not_a_vocabulary, r"has no \[UNK\]"),
        (not_utf8, "cannot be read"),
        (lambda folder: folder, "has no tokenizer.json"),
        (lambda folder: folder / "missing", "no such file or folder"),
        (lambda _: "not an id", "no such file or folder"),
    ],
)
def test_a_source_that_is_no_tokenizer_gets_one_clear_line(tmp_path, make_source, message):
    with pytest.raises(ModelFolderError, match=message) as caught:
        TextTokenizer.load(make_source(tmp_path), 32)
    assert "\n" not in str(caught.value)


def test_a_hub_id_is_taken_from_the_cache(tmp_path, monkeypatch):
    cached = tmp_path / "models--some-owner--some.model"
    snapshot = cached / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0123abc")
    word_piece().save(str(snapshot / "tokenizer.json"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    tokenizer = TextTokenizer.load("some-owner/some.model", 32)
    assert tokenizer.tokens([tokenizer.cls_token_id]) == ["[CLS]"]


def test_a_missing_network_is_noticed_at_once(tmp_path):
    program = (
        "import time; from wave_network.text import TextTokenizer\n"
        "from wave_network.errors import ModelFolderError\n"
        "start = time.perf_counter()\n"
        "try:\n    TextTokenizer.load('someone/something', 16)\n"
        "except ModelFolderError as error:\n    print(time.perf_counter() - start, error)\n"
    )
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    seconds, message = done.stdout.split(maxsplit=1)
    assert float(seconds) < 8
    assert "someone/something" in message
    assert "local folder" in message
    assert message.count("\n") == 1
    assert done.stderr == ""
