import gzip
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from wave_network.errors import ModelFolderError, OutputError
from wave_network.few_labels.learnt_vectors import (
    LearntVectors,
    check_vectors_output,
    is_learnt_folder,
    is_vec_file,
    read_learnt_vectors,
    write_vectors,
)
from wave_network.few_labels.vec_files import read_vec_file
from wave_network.few_labels.vectors import read_vectors
from wave_network.text.fasttext_dictionary import FastTextDictionary

WORDS = ["the", "naïve", "▁mark", "[UNK]", "Oslo", "ß"]
KEPT = np.array([3, 7], np.int32)


def rounded(*shape, seed=0):
    numbers = np.random.default_rng(seed).normal(size=shape)
    return numbers.astype(np.float16).astype(np.float32)


@pytest.fixture(params=[True, False])
def learnt(request):
    words = WORDS if request.param else [word for word in WORDS if word == word.lower()]
    dictionary = FastTextDictionary(
        [word.encode() for word in words],
        np.arange(10, 10 - len(words), -1),
        words=len(words),
        shortest=3,
        longest=4,
        ngram=1,
        buckets=50,
        kept=(KEPT, np.arange(2, dtype=np.int32)),
    )
    return LearntVectors(dictionary, rounded(len(words), 4), rounded(2, 4, seed=1), request.param)


@pytest.fixture
def folder(learnt, tmp_path):
    write_vectors(tmp_path / "vectors", learnt, overwrite=False)
    return tmp_path / "vectors"


def test_a_folder_is_read_as_it_was_written(learnt, folder):
    assert is_learnt_folder(folder)
    found = read_learnt_vectors(folder)
    assert (found.words, found.cased) == (learnt.words, learnt.cased)
    np.testing.assert_array_equal(found.vectors, learnt.vectors)
    np.testing.assert_array_equal(found.subwords, learnt.subwords)
    np.testing.assert_array_equal(found.dictionary.counts, learnt.dictionary.counts)
    for word in (b"the", b"naif"):
        assert found.dictionary.subwords(word) == learnt.dictionary.subwords(word)


def test_a_folder_is_a_source_of_vectors_in_which_frequent_words_weigh_less(learnt, folder):
    found = read_vectors(str(folder))
    known = [word for word in learnt.words if word != "[UNK]"]
    assert list(found.words) == known
    places = [learnt.words.index(word) for word in known]
    shares = learnt.dictionary.counts / learnt.dictionary.counts.sum()
    weights = 1e-3 / (1e-3 + shares)
    expected = learnt.vectors[places] * weights[places, None]
    np.testing.assert_allclose(found.vectors, expected, rtol=1e-5)
    assert found.cased == learnt.cased


@pytest.mark.parametrize("name", ["v.vec", "v.vec.gz", "V.VEC"])
def test_text_files_are_read_as_they_were_written(learnt, tmp_path, name):
    path = tmp_path / name
    write_vectors(path, learnt, overwrite=False)
    content = path.read_bytes()
    lines = (gzip.decompress(content) if name.endswith("gz") else content).decode().splitlines()
    assert lines[0] == f"{len(learnt.words)} 4"
    assert [line.split(" ")[0] for line in lines[1:]] == learnt.words
    found = read_vec_file(path)
    assert found.words == learnt.words
    np.testing.assert_allclose(found.vectors, learnt.vectors, rtol=1e-4)
    assert is_vec_file(path)
    write_vectors(path, learnt, overwrite=True)
    assert path.read_bytes() == content


def test_what_is_there_is_not_replaced(learnt, folder, tmp_path):
    for place in (folder, tmp_path / "v.vec"):
        if not place.exists():
            place.write_text("mine")
        with pytest.raises(OutputError, match="exists"):
            check_vectors_output(place, overwrite=False)
        with pytest.raises(OutputError, match="exists"):
            write_vectors(place, learnt, overwrite=False)
    assert not is_vec_file(tmp_path / "v.vec")
    assert not is_vec_file(tmp_path / "missing.vec.gz")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        check_vectors_output(folder, overwrite=True)


@pytest.mark.parametrize(
    "damage",
    [
        {"counts": np.arange(3)},
        {"counts": None},
        {"subwords.buckets": np.array([3, -7], np.int32)},
        {"subwords.vectors": np.zeros((2, 3), np.float16)},
        {"subwords.vectors": np.full((2, 4), np.nan, np.float16)},
        {"embeddings": np.zeros((1, 4), np.float16)},
    ],
)
def test_damaged_tables_are_refused(folder, damage):
    path = folder / "model.safetensors"
    tensors = {**load_file(path), **damage}
    save_file({name: value for name, value in tensors.items() if value is not None}, path)
    with pytest.raises(ModelFolderError, match="vectors is damaged: "):
        read_learnt_vectors(folder)


@pytest.mark.parametrize(
    "subwords",
    [None, {}, {"shortest": 3, "longest": 4, "buckets": -1}, {"shortest": 3, "longest": "x"}],
)
def test_damaged_settings_are_refused(folder, subwords):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"subwords": subwords}))
    with pytest.raises(ModelFolderError, match="vectors is damaged: "):
        read_learnt_vectors(folder)


def test_other_folders_are_not_these(folder, tmp_path):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["subwords"]
    path.write_text(json.dumps(config))
    assert not is_learnt_folder(folder)
    assert not is_learnt_folder(tmp_path / "missing")
