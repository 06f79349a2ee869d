"""Reading fastText's files: versions, damage, hostile sizes; and predicting with them as ours."""

import os
import struct
import time
import tracemalloc

import numpy as np
import pytest
from fasttext_models import CLASSIFIERS, LINES, MODELS, PLACE, every_classifier, every_model

from wave_network import fasttext, load
from wave_network.errors import ConfigError, ModelFolderError, WaveNetworkError
from wave_network.fasttext.file import config_of, is_fasttext_file, read_file
from wave_network.models.fasttext.tree import logarithm

FLIPS = int(os.environ.get("WAVE_NETWORK_FUZZ_CALLS", "300"))
SEED = int(os.environ.get("WAVE_NETWORK_FUZZ_SEED", "0"))
HEADER, ARGUMENTS = 8, 56
DICTIONARY = HEADER + ARGUMENTS


def patched(name, place, form, *values):
    content = bytearray((PLACE / name).read_bytes())
    struct.pack_into(form, content, place, *values)
    return bytes(content)


def matrix_place(name):
    """Where the first matrix starts: the byte that says whether it is quantised."""
    content = (PLACE / name).read_bytes()
    size, _, _, _, kept = struct.unpack_from("<iiiqq", content, DICTIONARY)
    place = DICTIONARY + 28
    for _ in range(size):
        place = content.index(b"\0", place) + 10
    return place + 8 * max(kept, 0)


@every_model
def test_a_file_is_known_by_its_content(name, tmp_path):
    assert is_fasttext_file(PLACE / name)
    assert not is_fasttext_file(PLACE / "expected.json")
    assert not is_fasttext_file(PLACE)
    assert not is_fasttext_file(tmp_path / "nowhere")


def test_the_arguments_of_the_training():
    arguments = read_file(PLACE / "subwords.bin").arguments
    assert (arguments.dim, arguments.minn, arguments.maxn, arguments.wordNgrams) == (4, 2, 4, 2)
    assert (arguments.loss, arguments.model, arguments.bucket) == ("softmax", "supervised", 60)
    assert read_file(PLACE / "cbow.bin").arguments.model == "cbow"


@every_classifier
def test_load_gives_fasttexts_probabilities_without_what_it_adds(name):
    engine, model = load(PLACE / name), fasttext.load_model(PLACE / name)
    texts = [line[:-1].decode() for line in LINES[:5]]
    found = engine.predict_proba(texts)
    config = read_file(PLACE / name)
    for row, answer in zip(found, model.answers(LINES[:5], -1, 0.0), strict=True):
        reported = row if config.arguments.loss == "hs" else np.exp(logarithm(row))
        places = [engine.labels.index(model.labels[p][9:]) for p in answer.labels]
        np.testing.assert_allclose(reported[places], answer.probabilities, rtol=1e-6)
    if config.arguments.loss == "softmax":
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_embed_gives_fasttexts_sentence_vectors():
    engine, model = load(PLACE / "subwords.bin"), fasttext.load_model(PLACE / "subwords.bin")
    texts = ["bake bread", "goal", ""]
    vectors = np.array([model.get_sentence_vector(text) for text in texts])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(engine.embed(texts), vectors / lengths, rtol=1e-5)


def test_one_vs_all_is_multi_label():
    engine = load(PLACE / "ova.bin")
    assert engine.labelling.multi_label
    (answer,) = engine.predict(["bake bread in the oven"])
    assert set(answer.labels) == {label for label, score in answer.scores.items() if score >= 0.5}


def test_a_text_of_several_lines_is_read_as_one():
    engine = load(PLACE / "ngrams.bin")
    first, second = engine.predict_proba(["bake bread\ngoal", "bake bread goal"])
    np.testing.assert_array_equal(first, second)


def test_a_text_without_rows_gets_no_probability(tmp_path):
    # The end of the line is no word of this dictionary any more.
    content = (PLACE / "softmax.bin").read_bytes().replace(b"</s>", b"</S>")
    (tmp_path / "endless.bin").write_bytes(content)
    np.testing.assert_array_equal(load(tmp_path / "endless.bin").predict_proba(["unseen"]), 0)
    assert fasttext.load_model(tmp_path / "endless.bin").predict("unseen")[0] == ()


def test_the_old_version_has_no_subwords(tmp_path):
    (tmp_path / "old.bin").write_bytes(patched("subwords.bin", 4, "<i", 11))
    assert read_file(tmp_path / "old.bin").arguments.maxn == 0
    assert fasttext.load_model(tmp_path / "old.bin").get_subwords("unseen")[0] == []


def test_word_vectors_are_no_classifier():
    with pytest.raises(
        ModelFolderError, match=r"cbow\.bin: it holds the word vectors .*load_model"
    ):
        load(PLACE / "cbow.bin")
    with pytest.raises(ConfigError, match="classifies nothing"):
        config_of(read_file(PLACE / "cbow.bin"))


HOSTILE = {
    "another magic number": ("softmax.bin", 0, "<i", (1,), "not a model of fastText"),
    "a newer version": ("softmax.bin", 4, "<i", (13,), "version is 13"),
    "an unknown loss": ("softmax.bin", HEADER + 24, "<i", (9,), "loss 9"),
    "no dimensions": ("softmax.bin", HEADER, "<i", (0,), "does not fit"),
    "many words": ("softmax.bin", DICTIONARY, "<ii", (2**31 - 1, 2**31 - 5), "words"),
    "fewer words than none": ("softmax.bin", DICTIONARY + 4, "<i", (-1,), "are not"),
    "many labels": ("softmax.bin", DICTIONARY + 8, "<i", (2**31 - 1,), "are not"),
    "much that was kept": ("pruned.ftz", DICTIONARY + 20, "<q", (2**62,), "cannot have"),
    "no buckets": ("subwords.bin", HEADER + 32, "<i", (0,), "no buckets"),
    "fewer buckets than none": ("subwords.bin", HEADER + 32, "<i", (-3,), "buckets"),
    "long n-grams": ("subwords.bin", HEADER + 20, "<i", (10**6,), "n-grams longer"),
    "many subwords": ("subwords.bin", HEADER + 40, "<i", (2**31 - 1,), "n-grams longer"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_header_ends_in_one_line(case, tmp_path):
    name, place, form, values, message = HOSTILE[case]
    (tmp_path / "hostile.bin").write_bytes(patched(name, place, form, *values))
    with pytest.raises(ModelFolderError, match=message) as caught:
        read_file(tmp_path / "hostile.bin")
    assert "\n" not in str(caught.value)
    assert "hostile.bin" in str(caught.value)


@pytest.mark.parametrize("size", [2**62, -1, 10**9])
def test_a_matrix_is_as_large_as_the_file_at_most(size, tmp_path):
    place = matrix_place("softmax.bin") + 1
    (tmp_path / "large.bin").write_bytes(patched("softmax.bin", place, "<q", size))
    tracemalloc.start()
    with pytest.raises(ModelFolderError, match=r"large\.bin"):
        read_file(tmp_path / "large.bin")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_a_word_without_an_end(tmp_path):
    content = (PLACE / "softmax.bin").read_bytes()[: DICTIONARY + 28]
    (tmp_path / "long.bin").write_bytes(content + b"x" * 2**25)
    with pytest.raises(ModelFolderError, match="a word of more than"):
        read_file(tmp_path / "long.bin")


@every_model
def test_a_cut_file_ends_in_one_line(name, tmp_path):
    content, path = (PLACE / name).read_bytes(), tmp_path / "cut.bin"
    for length in np.linspace(0, len(content) - 1, 25).astype(int).tolist():
        path.write_bytes(content[:length])
        with pytest.raises(ModelFolderError):
            read_file(path)


def refused(path):
    """Why a file is refused, or nothing."""
    try:
        model = fasttext.load_model(path)
        model.get_word_vector("bread")
        if model.is_supervised:
            list(model.answers(LINES, 2, 0.0))
            engine = load(path)
            engine.predict_proba(["bread"])
            engine.explain("bread oven")
    except WaveNetworkError as error:
        return str(error)
    return ""


def test_flipped_bytes_are_refused_or_give_answers(tmp_path):
    random, path = np.random.default_rng(SEED), tmp_path / "flipped.bin"
    contents = {name: (PLACE / name).read_bytes() for name in MODELS}
    outcomes = {"refused": 0, "answered": 0}
    for number in range(FLIPS):
        name = sorted(MODELS)[number % len(MODELS)]
        content = bytearray(contents[name])
        if number % 4 == 0:
            del content[random.integers(len(content)) :]
        # Half of the flips hit the header, where they matter most.
        reach = len(content) if number % 2 else min(len(content), 400)
        for place in random.integers(max(reach, 1), size=random.integers(1, 4)):
            if place < len(content):
                content[place] = random.integers(256)
        path.write_bytes(content)
        start = time.monotonic()
        refusal = refused(path)
        outcomes["refused" if refusal else "answered"] += 1
        assert "\n" not in refusal
        assert time.monotonic() - start < 10
    assert min(outcomes.values()) > FLIPS // 20


def test_no_classifier_is_left_out():
    losses = {read_file(PLACE / name).arguments.loss for name in CLASSIFIERS}
    assert losses == {"softmax", "hs", "ns", "ova"}
    assert sum(read_file(PLACE / name).input_block > 0 for name in CLASSIFIERS) == 3
