import copy
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from wave_network.errors import OutputError
from wave_network.text import TextTokenizer, packed, split_sentences
from wave_network.text import tokenizer as module
from wave_network.text.word_table import LONGEST_WORD_KEPT, PythonWordTable

TEXTS = [
    "The council approved the new library. It opens on Monday!",
    "Heavy rain delayed the second half of the match.",
    "Shares of the chip maker fell 3.5 % after a weak forecast.",
    "東京で雨が降った。試合は中止。",
    "दिल्ली में बारिश हुई। मैच रद्द हुआ।",
]
HOSTILE = [
    "",
    " ",
    "\n\n \t",
    "\x00",
    "a\x00b \x1c\x1d\x1e\x1f c",
    "\ud800",
    "lone \udfff and \ud83d\ude00 paired",
    "e" + "\u0301" * 500,
    "👩‍👩‍👧‍👦🇫🇮 👍🏽",
    "\u202eright to left\u202c שלום عليكم",
    "\ufeffbyte order mark",
    "x" * 3_000,
    "[CLS] [cls] <s> ［ＣＬＳ］[CLS][CLS]",
    "\u200b\u200d\u2028\u2029\x85",
    "ﷺ İ ß ς Σ ǅ ﬁ ¨ ½",
    "\uffff\U0010ffff\ufdd0",
]
# Spaces, what else may split words, and what normalization moves, joins or changes the length of.
TRICKY = st.text(
    st.one_of(
        st.sampled_from(" \n\t\r\x00\x1c\x1f\x85\xa0\u3000\u200b\u2028.,!?。।'\"[]CLSthe"),
        st.sampled_from("\u0301\u0327\u093f\u3099かﷺİΣς¨½ﬁｶﾞ\ud83d\ude00\ud800가각"),
        st.characters(),
    ),
    max_size=40,
)


@pytest.fixture(scope="module", params=["default", "python"])
def tokenizer(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            patch.setattr(module, "word_table", lambda: PythonWordTable(1_000))
        return TextTokenizer.train(TEXTS * 3, 500, 64)


def rows(tokenizer, texts):
    ids, offsets = tokenizer.encode(texts)
    return [ids[a:b].tolist() for a, b in pairwise(offsets)]


def content(tokenizer):
    return tokenizer._tokenizer.to_str()


# Training


def test_training_reads_an_iterator_once(tokenizer):
    assert content(TextTokenizer.train(iter(TEXTS * 3), 500, 64)) == content(tokenizer)


def test_training_does_not_depend_on_the_order(tokenizer):
    assert content(TextTokenizer.train((TEXTS * 3)[::-1], 500, 64)) == content(tokenizer)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_training_writes_the_same_file_in_any_process(tokenizer, tmp_path, threads):
    (tmp_path / "texts.json").write_text(json.dumps(TEXTS * 3))
    script = (
        "import json, sys; from wave_network.text import TextTokenizer\n"
        "texts = json.load(open(sys.argv[1]))\n"
        "TextTokenizer.train(texts, 500, 64).save(sys.argv[2])"
    )
    arguments = [str(tmp_path / "texts.json"), str(tmp_path)]
    subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads},
        timeout=60,
        check=True,
    )
    assert (tmp_path / "tokenizer.json").read_text(encoding="utf-8") == content(tokenizer)


def test_training_keeps_to_the_size_asked_for():
    assert TextTokenizer.train(TEXTS * 3, 300, 64).vocab_size == 300


@pytest.mark.parametrize("texts", [[], [""]])
def test_training_on_next_to_nothing_gives_the_bytes(texts):
    tokenizer = TextTokenizer.train(texts, 8_000, 64)
    assert tokenizer.vocab_size == 257
    assert len(rows(tokenizer, ["ab"])[0]) == 4  # [CLS], the start of a word, a, b


def test_training_passes_the_reader_s_error_on():
    def broken():
        yield "text"
        raise ValueError("line 2 is damaged")

    with pytest.raises(ValueError, match="line 2 is damaged"):
        TextTokenizer.train(broken(), 300, 64)


def test_training_on_endless_words_takes_no_quadratic_time():
    texts = ["ab" * 1_000_000, "中" * 1_000_000, "xyz" * 10_000]
    start = time.process_time()
    tokenizer = TextTokenizer.train(texts, 1_000, 512)
    assert time.process_time() - start < 20
    assert tokenizer.vocab_size > 257


# Encoding


def test_a_batch_is_packed(tokenizer):
    ids, offsets = tokenizer.encode(TEXTS)
    assert (ids.dtype, offsets.dtype) == (np.int32, np.int64)
    assert (offsets[0], offsets[-1], len(offsets)) == (0, len(ids), len(TEXTS) + 1)
    assert (ids[offsets[:-1]] == tokenizer.cls_token_id).all()
    assert ids.flags.writeable


def test_no_texts_give_an_empty_batch(tokenizer):
    ids, offsets = tokenizer.encode([])
    assert (len(ids), offsets.tolist()) == (0, [0])
    assert tokenizer.encode_sentences([]).sentence_offsets.tolist() == [0]


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000"])
def test_a_text_of_nothing_is_cls_alone(tokenizer, text):
    assert rows(tokenizer, [text]) == [[tokenizer.cls_token_id]]


def test_long_texts_are_cut(tokenizer):
    short = TextTokenizer(Tokenizer.from_str(content(tokenizer)), 5)
    assert rows(short, TEXTS) == [row[:5] for row in rows(tokenizer, TEXTS)]
    one = TextTokenizer(Tokenizer.from_str(content(tokenizer)), 1)
    assert rows(one, TEXTS) == [[one.cls_token_id]] * len(TEXTS)


def test_a_text_of_ten_megabytes_is_cheap(tokenizer):
    huge = ["word " * 2_000_000, "字" * 3_400_000, " " * 10_000_000 + "end"]
    tracemalloc.start()
    start = time.process_time()
    lengths = np.diff(tokenizer.encode(huge).offsets)
    assert time.process_time() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert lengths.tolist() == [64, 64, 1]


def test_only_the_start_of_a_text_is_read(tokenizer):
    limit = module.CHARACTERS_PER_TOKEN * tokenizer.max_length
    assert len(rows(tokenizer, [" " * (limit - 1) + "a"])[0]) > 1
    assert len(rows(tokenizer, [" " * limit + "a"])[0]) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_texts(tokenizer, text):
    (row,) = rows(tokenizer, [text])
    assert row.count(tokenizer.cls_token_id) == 1
    assert len(row) > 1 or not text.strip()
    assert rows(tokenizer, [TEXTS[0], text, TEXTS[1]]) == [
        *rows(tokenizer, TEXTS[:1]),
        row,
        *rows(tokenizer, TEXTS[1:2]),
    ]


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_joined(tokenizer):
    lone, paired = rows(tokenizer, ["say \ud800", "say \ud83d\ude00"])
    assert lone == rows(tokenizer, ["say \ufffd"])[0]
    assert paired == rows(tokenizer, ["say 😀"])[0]


def test_no_engine_that_reads_the_file_finds_cls_in_a_text(tokenizer):
    plain = Tokenizer.from_str(content(tokenizer))
    assert tokenizer.cls_token_id not in plain.encode("[CLS] x", add_special_tokens=False).ids
    encoded = plain.encode("the match [CLS]").ids
    assert encoded == rows(tokenizer, ["the match [CLS]"])[0]


@given(st.lists(TRICKY, max_size=6))
@settings(deadline=None)
def test_a_batch_gives_each_text_the_ids_it_has_alone(tokenizer, texts):
    assert rows(tokenizer, texts) == [rows(tokenizer, [text])[0] for text in texts]


@given(st.lists(TRICKY, max_size=3).map(" ".join))
@settings(deadline=None, max_examples=300)
def test_word_by_word_equals_the_whole_text(tokenizer, text):
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    whole = tokenizer._tokenizer.encode(text, add_special_tokens=False).ids
    assert rows(tokenizer, [text])[0][1:] == whole[: tokenizer.max_length - 1]


def test_chunks_do_not_show(tokenizer, monkeypatch):
    texts = (TEXTS + HOSTILE) * 3
    expected = rows(tokenizer, texts)
    for texts_at_once, characters_at_once in ((1, 10**6), (7, 10**6), (1_000, 100)):
        monkeypatch.setattr(packed, "_TEXTS_AT_ONCE", texts_at_once)
        monkeypatch.setattr(packed, "_CHARACTERS_AT_ONCE", characters_at_once)
        assert rows(tokenizer, texts) == expected


def test_the_words_kept_are_bounded(monkeypatch):
    for name in ("_WORDS_KEPT", "_WORDS_KEPT_COMPILED"):
        monkeypatch.setattr(f"wave_network.text.word_table.{name}", 100)
    tokenizer = TextTokenizer.train(TEXTS, 300, 64)
    learnt = len(tokenizer._words)
    for start in range(0, 2_000, 50):
        tokenizer.encode([f"word{number} {'long' * number}" for number in range(start, start + 50)])
    assert len(tokenizer._words) <= learnt + 200
    tokenizer = TextTokenizer.train(TEXTS, 300, 64)
    longest = "é" * LONGEST_WORD_KEPT
    tokenizer.encode([longest, f"{longest}!"])
    texts = packed.pack([f"{longest} {longest}!"])
    _, _, unknown = tokenizer._words.encode(*texts, 0, 1_000, 1_000, 1, {})
    assert unknown == {f"{longest}!"}


def test_threads_share_a_tokenizer(monkeypatch):
    for name in ("_WORDS_KEPT", "_WORDS_KEPT_COMPILED"):
        monkeypatch.setattr(f"wave_network.text.word_table.{name}", 20)
    tokenizer = TextTokenizer.train(TEXTS, 300, 64)
    texts = [f"{text} {number % 37}" for number in range(200) for text in TEXTS]
    expected = tokenizer.encode(texts).ids.tolist()
    wrong = []

    def work():
        for start in range(0, len(texts), 50):
            wrong.extend(
                text
                for text in texts[start : start + 50]
                if rows(tokenizer, [text]) != rows(tokenizer, [text, text])[:1]
            )
        wrong.extend([] if tokenizer.encode(texts).ids.tolist() == expected else ["all"])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Sentences


def test_sentence_boundaries(tokenizer):
    ids, offsets, sentences = tokenizer.encode_sentences(["It opens. On Monday!", "", "雨。中止。"])
    assert sentences.dtype == np.int64
    spans = pairwise(sentences)
    pieces = ["".join(tokenizer.tokens(ids[a:b])) for a, b in spans]
    assert pieces[:3] == ["[CLS] it opens .", " on monday !", "[CLS]"]
    assert len(pieces) == 5
    assert offsets[1] == sentences[2]


@given(st.lists(TRICKY, max_size=5))
@settings(deadline=None, max_examples=300)
def test_sentences_partition_the_same_ids(tokenizer, texts):
    batch = tokenizer.encode(texts)
    ids, offsets, sentences = tokenizer.encode_sentences(texts)
    np.testing.assert_array_equal(ids, batch.ids)
    np.testing.assert_array_equal(offsets, batch.offsets)
    assert (np.diff(sentences) > 0).all()
    assert set(offsets.tolist()) <= set(sentences.tolist())
    assert (sentences[0], sentences[-1]) == (0, len(ids))


@given(
    st.lists(
        st.sampled_from(["It rained. ", "Why? ", "東京。", "No end ", "Café ½! ", "line\n"]),
        max_size=4,
    )
)
def test_every_sentence_of_a_text_has_its_boundary(tokenizer, parts):
    text = "".join(parts)
    sentences = tokenizer.encode_sentences([text]).sentence_offsets
    assert len(sentences) - 1 == max(1, len(split_sentences(text)))


def test_a_cut_text_has_the_sentences_that_are_left(tokenizer):
    short = TextTokenizer(Tokenizer.from_str(content(tokenizer)), 4)
    batch = short.encode_sentences(["It. " * 50])
    assert (len(batch.ids), batch.sentence_offsets[-1]) == (4, 4)


# Keeping


def test_saving_and_loading_change_nothing(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    for source in (tmp_path, str(tmp_path), tmp_path / "tokenizer.json"):
        again = TextTokenizer.load(source, 64)
        assert rows(again, TEXTS + HOSTILE) == rows(tokenizer, TEXTS + HOSTILE)
        assert content(again) == content(tokenizer)


def test_a_folder_that_is_not_there_cannot_be_saved_to(tokenizer, tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        tokenizer.save(tmp_path / "missing")


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_encodes_alike(tokenizer, copied):
    again = copied(tokenizer)
    assert rows(again, TEXTS + HOSTILE) == rows(tokenizer, TEXTS + HOSTILE)


def test_tokens_are_readable(tokenizer):
    row = rows(tokenizer, ["The Match!"])[0]
    assert tokenizer.tokens(np.array(row, np.int32)) == ["[CLS]", " the", " match", " !"]
    assert "\ufffd" in "".join(tokenizer.tokens(rows(tokenizer, ["ก"])[0]))


def test_standing_alone_it_truncates_pads_and_finds_no_special_token_in_a_text(tokenizer):
    copy = Tokenizer.from_str(tokenizer.standalone().to_str())
    texts = ["[CLS] the council", "word " * 200, ""]
    encodings = copy.encode_batch(texts)
    assert {len(item.ids) for item in encodings} == {64}
    found = [item.ids[: sum(item.attention_mask)] for item in encodings]
    assert found == rows(tokenizer, texts)
    assert content(tokenizer) == content(TextTokenizer.train(TEXTS * 3, 500, 64))  # unchanged
