import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_encoder import SPECIAL, WORDS, bert_tokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from wave_network.errors import ModelFolderError
from wave_network.few_labels.vector_folders import (
    VECTOR_FOLDER,
    read_vector_folder,
    write_vector_folder,
)

IDS = len(SPECIAL) + len(WORDS)
VECTORS = np.random.default_rng(0).normal(size=(IDS, 5)).astype(np.float16).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    write_vector_folder(tmp_path, bert_tokenizer(), VECTORS, "an encoder")
    return tmp_path


def store(folder, **tensors):
    save_file(tensors, folder / "model.safetensors")


def test_a_written_folder_is_read_without_special_tokens(folder):
    table = read_vector_folder(folder)
    assert table.words == WORDS
    np.testing.assert_array_equal(table.vectors, VECTORS[len(SPECIAL) :])
    assert table.vectors.dtype == np.float32
    assert not table.cased
    described = json.loads((folder / "config.json").read_text("utf-8"))
    assert (described["model_type"], described["hidden_dim"]) == ("model2vec", 5)
    assert VECTOR_FOLDER.recognises(folder)
    VECTOR_FOLDER.check_replaceable(folder)


def test_words_without_a_vector_are_left_out(folder):
    vectors = VECTORS.copy()
    vectors[-1] = 0
    store(folder, embeddings=vectors)
    assert read_vector_folder(folder).words == WORDS[:-1]


def test_the_table_of_sentence_transformers(folder):
    store(folder, **{"embedding.weight": VECTORS})
    np.testing.assert_array_equal(read_vector_folder(folder).vectors, VECTORS[len(SPECIAL) :])


def test_shared_rows_and_weights(folder):
    rows, weights = np.arange(IDS) % 3, np.linspace(0.1, 1, IDS, dtype=np.float32)
    store(folder, embeddings=VECTORS[:3], mapping=rows, weights=weights)
    expected = (VECTORS[rows] * weights[:, None])[len(SPECIAL) :]
    np.testing.assert_array_equal(read_vector_folder(folder).vectors, expected)


def test_eight_bits(folder):
    store(folder, embeddings=np.full((IDS, 4), -3, np.int8))
    vectors = read_vector_folder(folder).vectors
    assert (vectors.dtype, vectors.min(), vectors.max()) == (np.float32, -3, -3)


@pytest.mark.parametrize("kind", ["unigram", "byte-level", "word-level"])
def test_tokenizers_of_every_kind(folder, kind):
    marked = {"unigram": ["▁the", "▁Rain", "s"], "byte-level": ["Ġthe", "ĠRain", "s"]}
    entries = ["<unk>", *marked.get(kind, ["the", "Rain", "##s"])]
    ids = {entry: index for index, entry in enumerate(entries)}
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram([(entry, -1.0) for entry in entries], unk_id=0))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    elif kind == "byte-level":
        tokenizer = Tokenizer(models.BPE(ids, []))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    else:
        tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
        tokenizer.normalizer = normalizers.NFC()
    write_vector_folder(folder, tokenizer, VECTORS[:4], "another")
    table = read_vector_folder(folder)
    assert table.words == ["the", "Rain", "##s"]
    np.testing.assert_array_equal(table.vectors, VECTORS[1:4])
    assert table.cased


def huge(folder):
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(2**31 + 1)


DAMAGE = {
    "no tokenizer": lambda folder: (folder / "tokenizer.json").unlink(),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "cut": lambda folder: (folder / "model.safetensors").write_bytes(b"\x10"),
    "huge": huge,
    "no table": lambda folder: store(folder, weight=VECTORS),
    "flat": lambda folder: store(folder, embeddings=VECTORS[0]),
    "empty": lambda folder: store(folder, embeddings=VECTORS[:, :0]),
    "short": lambda folder: store(folder, embeddings=VECTORS[:-1]),
    "far": lambda folder: store(folder, embeddings=VECTORS, mapping=np.full(IDS, 10**9)),
    "half": lambda folder: store(folder, embeddings=VECTORS, mapping=np.arange(IDS) / 2),
    "few weights": lambda folder: store(folder, embeddings=VECTORS, weights=VECTORS[0]),
    "not finite": lambda folder: store(folder, embeddings=VECTORS * np.float32(np.nan)),
    "large": lambda folder: store(folder, embeddings=VECTORS * np.float32(1e30)),
    "all zero": lambda folder: store(folder, embeddings=VECTORS * 0),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_refused_in_one_line(folder, damage):
    DAMAGE[damage](folder)
    with pytest.raises(ModelFolderError) as found:
        read_vector_folder(folder)
    assert len(str(found.value).splitlines()) == 1
    assert str(folder) in str(found.value)


def test_float16_holds_what_is_written(folder):
    stored = load_file(folder / "model.safetensors")
    assert {name: tensor.dtype for name, tensor in stored.items()} == {"embeddings": np.float16}
