import shutil

import numpy as np
import pytest
import torch
from pretrained_damage import damage_weights, leave_out, pickle_the_weights
from safetensors.numpy import load_file, save_file
from tiny_encoder import SPECIAL, WIDTH, WORDS
from tokenizers import Tokenizer
from transformers import BertModel

from wave_network.errors import ConfigError, ModelFolderError, OutputError
from wave_network.few_labels.encoders import distil, write_distilled
from wave_network.few_labels.vector_folders import read_vector_folder
from wave_network.few_labels.vector_table import frequency_weights


@pytest.fixture
def copy(encoder_folder, tmp_path):
    return shutil.copytree(encoder_folder, tmp_path / "copy")


def outputs_of(folder):
    """What the encoder says of each word, as its own library gives it."""
    model = BertModel.from_pretrained(folder).eval()
    texts = torch.tensor([[2, len(SPECIAL) + place, 3] for place in range(len(WORDS))])
    with torch.inference_mode():
        return model(texts).last_hidden_state.mean(dim=1).numpy()


def distances(vectors):
    return np.linalg.norm(vectors[:, None] - vectors, axis=2)


def test_each_word_is_a_text_of_its_own(encoder_folder):
    found = distil(str(encoder_folder), WIDTH)
    assert list(found.ids) == WORDS
    assert list(found.ids.values()) == [len(SPECIAL) + place for place in range(len(WORDS))]
    single = np.array([len(word) == 1 for word in WORDS]) | (np.array(WORDS) == "##s")
    weights = np.empty(len(WORDS))
    weights[single] = frequency_weights(single.sum())
    weights[~single] = frequency_weights((~single).sum())
    unweighted = found.vectors / weights[:, None]
    expected = distances(outputs_of(encoder_folder))
    np.testing.assert_allclose(distances(unweighted), expected, rtol=1e-3, atol=1e-3)
    assert distil(str(encoder_folder), 5).vectors.shape == (len(WORDS), 5)


def test_distilling_again_gives_the_same(encoder_folder, capfd):
    first, second = (distil(str(encoder_folder), 8).vectors for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert capfd.readouterr() == ("", "")


def test_a_tokenizer_that_names_no_special_tokens_gets_those_of_bert(copy):
    expected = distil(str(copy), 8).vectors
    (copy / "tokenizer.json").unlink()
    (copy / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS]), encoding="utf-8")
    np.testing.assert_array_equal(distil(str(copy), 8).vectors, expected)


def test_a_folder_of_vectors_is_written(encoder_folder, tmp_path):
    output = tmp_path / "vectors"
    summary = write_distilled(str(encoder_folder), output, 8)
    size = sum(path.stat().st_size for path in output.iterdir())
    assert summary == {
        "vectors": str(output),
        "encoder": str(encoder_folder),
        "words": len(WORDS),
        "size": 8,
        "size_bytes": size,
    }
    table = read_vector_folder(output)
    assert table.words == WORDS
    np.testing.assert_allclose(table.vectors, distil(str(encoder_folder), 8).vectors, rtol=1e-3)
    with pytest.raises(OutputError, match="exists"):
        write_distilled(str(encoder_folder), output, 8)
    write_distilled(str(encoder_folder), output, 4, overwrite=True)
    assert read_vector_folder(output).vectors.shape == (len(WORDS), 4)


def test_only_a_folder_of_vectors_is_replaced(encoder_folder, copy):
    with pytest.raises(OutputError, match="is not a folder of vectors"):
        write_distilled(str(encoder_folder), copy, 8, overwrite=True)


@pytest.mark.parametrize("size", [0, -1, 5_000])
def test_sizes_out_of_range(encoder_folder, tmp_path, size):
    with pytest.raises(ConfigError, match="size must be between 1 and 4096"):
        write_distilled(str(encoder_folder), tmp_path / "vectors", size)


def not_finite(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.0.output.dense.bias"] += np.float32(np.nan)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def add_entries(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(["another", "more"])
    tokenizer.save(str(folder / "tokenizer.json"))


DAMAGE = {
    "no model": lambda folder: shutil.rmtree(folder),
    "no config": lambda folder: (folder / "config.json").unlink(),
    "no tokenizer": lambda folder: (folder / "tokenizer.json").unlink(),
    "no weights": damage_weights,
    "incomplete": leave_out("encoder.layer.0.output.dense.bias"),
    "a pickle": pickle_the_weights,
    "not finite": not_finite,
    "another tokenizer": add_entries,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_encoder_is_refused_in_one_line(copy, tmp_path, damage):
    DAMAGE[damage](copy)
    with pytest.raises(ModelFolderError) as found:
        write_distilled(str(copy), tmp_path / "vectors", 8)
    assert len(str(found.value).splitlines()) == 1
    assert not (tmp_path / "vectors").exists()
