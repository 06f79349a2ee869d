"""Tokenizer files that somebody made up: none panics, hangs, fills the memory or draws lots."""

import json
import subprocess
import sys
import time
from textwrap import dedent

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from wave_network.errors import ModelFolderError
from wave_network.text import TextTokenizer
from wave_network.text.loading import read_tokenizer


@pytest.fixture
def content():
    """What the file of a trained tokenizer holds."""
    texts = ["ant bee cat dog"] * 3 + ["xxyy xxzz xxww yyzz"]
    tokenizer = TextTokenizer.train(texts, 300, 24)
    content = json.loads(tokenizer._tokenizer.to_str())
    assert content["model"]["merges"]
    return content


def word_level(**options):
    return json.loads(Tokenizer(models.WordLevel({"a": 0, "[CLS]": 1}, **options)).to_str())


def replacing(*patterns):
    return {
        "type": "Sequence",
        "normalizers": [
            {"type": "Replace", "pattern": pattern, "content": content}
            for pattern, content in patterns
        ],
    }


LETTER = {"String": "a"}
ALTERED = {
    "a prefix that no merge has": {"model": {"continuing_subword_prefix": "##"}},
    "lots": {"model": {"dropout": 0.5}},
    "a map of junk": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAAAAA="}},
    "a map that is none": {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "?"}},
    "a pattern without end": {"normalizer": replacing(({"Regex": "(a+)+$"}, "x"))},
    "a megabyte a letter": {"normalizer": replacing(({"Regex": "."}, "x" * 1_000_000))},
    "growth by growth": {"normalizer": replacing(*[(LETTER, "aaaa")] * 12)},
    "a long beginning": {"normalizer": {"type": "Prepend", "prepend": "x" * 1_000_000}},
    "growth in decoding": {
        "decoder": {"type": "Replace", "pattern": LETTER, "content": "a" * 1_000_000}
    },
    "steps without number": {"normalizer": replacing(*[(LETTER, "a")] * 10_000)},
    "a step of a later version": {"normalizer": {"type": "Summarize"}},
    "another model": {"model": {"type": "Neural"}},
}


@pytest.mark.parametrize("how", ALTERED)
def test_it_is_refused_soon_and_in_one_line(tmp_path, content, how, capfd):
    for section, changes in ALTERED[how].items():
        content[section] = {**content[section], **changes} if section == "model" else changes
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    started = time.perf_counter()
    with pytest.raises(ModelFolderError) as caught:
        TextTokenizer.load(path, 24)
    assert time.perf_counter() - started < 5
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert str(path) in str(caught.value)
    assert capfd.readouterr() == ("", "")  # a panic writes a hundred lines


@pytest.mark.parametrize(
    "content",
    [
        word_level(unk_token="[UNK]"),
        json.loads(Tokenizer(models.WordPiece({"a": 0, "[CLS]": 1}, unk_token="[UNK]")).to_str()),
        json.loads(Tokenizer(models.Unigram([("a", 0.0), ("[CLS]", 0.0)])).to_str()),
    ],
    ids=["WordLevel", "WordPiece", "Unigram"],
)
def test_one_that_can_not_read_every_text_is_refused(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json"):
        read_tokenizer(path)


def test_two_tokens_of_one_id_and_ids_far_apart_are_refused(tmp_path, content):
    vocabulary = content["model"]["vocab"]
    path = tmp_path / "tokenizer.json"
    for index, message in ((vocabulary["Ġant"], "have one id"), (2**31, "ids up to")):
        changed = {**vocabulary, "Ġbee": index}
        path.write_text(json.dumps({**content, "model": {**content["model"], "vocab": changed}}))
        with pytest.raises(ModelFolderError, match=message) as caught:
            TextTokenizer.load(path, 24)
        assert str(path) in str(caught.value)


def test_a_panic_on_a_later_text_is_one_of_our_errors(content):
    """A pattern may fail on texts that nobody tried."""
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.normalizer = normalizers.Replace(pattern=tokenizer_regex("(b+)+$"), content="x")
    made = TextTokenizer(tokenizer, 24)
    for ask in (made.encode, made.encode_sentences):
        with pytest.raises(ModelFolderError, match="the tokenizer fails on a text") as caught:
            ask(["b" * 40 + "a"])
        assert "\n" not in str(caught.value)


def tokenizer_regex(pattern):
    from tokenizers import Regex

    return Regex(pattern)


def test_forms_in_use_are_read(tmp_path):
    """Steps of BERT, of GPT and Llama, and of SentencePiece."""
    forms = (
        (normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()),
        (
            normalizers.NFC(),
            pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(
                        tokenizer_regex(r"\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+"), "isolated"
                    ),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                ]
            ),
        ),
        (
            normalizers.Sequence(
                [
                    normalizers.Nmt(),
                    normalizers.NFKC(),
                    normalizers.Replace(tokenizer_regex(" {2,}"), " "),
                    normalizers.Prepend("▁"),
                    normalizers.Replace(" ", "▁"),
                ]
            ),
            pre_tokenizers.Metaspace(),
        ),
    )
    for number, (normalizer, pre_tokenizer) in enumerate(forms):
        tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1}, unk_token="[UNK]"))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
        path = tmp_path / f"{number}.json"
        tokenizer.save(str(path))
        assert TextTokenizer.load(path, 24).encode(["a b"]).ids[0] == 1


def test_what_others_write_to_stderr_meanwhile_is_not_lost(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    program = f"""
        import os, threading
        from wave_network.text import loading

        refusal = loading.refusal

        def refusal_beside_a_thread(tokenizer):
            os.write(2, b"said by another thread")
            return refusal(tokenizer)

        loading.refusal = refusal_beside_a_thread
        loading.read_tokenizer({str(path)!r})
        loading.refusal = refusal
        os.close(2)
        loading.read_tokenizer({str(path)!r})
    """
    ended = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=True
    )
    assert ended.stderr == "said by another thread"
