import json

import numpy as np
import pytest
from language_models import METRICS, small_files, write_small
from safetensors.numpy import load_file, save_file

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.errors import ConfigError, ModelFolderError, OutputError
from wave_network.persistence.contents import checksum
from wave_network.persistence.folder import read_model, write_model
from wave_network.persistence.format import LANGUAGE_MODEL
from wave_network.persistence.language_model import read_language_model, write_language_model

FILES = {"config.json", "model.safetensors", "tokenizer.json", "README.md"}


def test_what_is_written_is_read(tmp_path):
    files = small_files()
    write_small(tmp_path / "lm")
    found = read_language_model(tmp_path / "lm")
    assert found.config == files.config
    assert found.tokenizer.pieces == files.tokenizer.pieces
    assert found.training == files.training
    assert all((found.tensors[name] == files.tensors[name]).all() for name in files.tensors)
    assert {path.name for path in (tmp_path / "lm").iterdir()} == FILES | {
        "metrics.json",
        "history.jsonl",
    }
    card = (tmp_path / "lm" / "README.md").read_text()
    assert "4.500 bits a byte" in card
    assert "wave-network generate lm" in card


def test_a_masked_model_is_read_and_its_card_does_not_generate(tmp_path):
    folder = write_small(tmp_path / "lm", objective="masked")
    assert read_language_model(folder).config.masked
    card = (folder / "README.md").read_text()
    assert "fill-mask" in card
    assert "wave-network score lm" in card
    assert "4.500 bits a byte for hidden tokens, with both sides known" in card
    assert "generate" not in card


def test_a_model_without_an_objective_is_causal(tmp_path):
    folder = write_small(tmp_path / "lm")
    edit(folder, lambda config: config["model"].pop("objective"))
    assert read_language_model(folder).config.objective == "causal"


def test_a_model_is_replaced_only_when_asked(tmp_path):
    folder = write_small(tmp_path / "lm")
    with pytest.raises(OutputError, match="exists"):
        write_small(folder)
    write_language_model(folder, small_files(seed=1), METRICS, [], overwrite=True)
    weights = read_language_model(folder).tensors["embedding.weight"]
    assert (weights == small_files(seed=1).tensors["embedding.weight"]).all()
    (folder / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"diary.txt"):
        write_language_model(folder, small_files(), METRICS, [], overwrite=True)


def test_classifiers_and_language_models_know_each_other(tmp_path, make_files):
    with pytest.raises(ModelFolderError, match="is a language model, not a classifier"):
        read_model(write_small(tmp_path / "lm"))
    write_model(tmp_path / "classifier", make_files(), card="", history=[])
    with pytest.raises(ModelFolderError, match="is a classifier, not a language model"):
        read_language_model(tmp_path / "classifier")


def test_weights_that_are_no_numbers_are_not_written(tmp_path):
    files = small_files()
    files.tensors["bias"][3] = np.nan
    with pytest.raises(ConfigError, match="weights bias are not finite"):
        write_language_model(tmp_path / "lm", files, METRICS, [])
    assert not [*tmp_path.iterdir()]


def edit(folder, change, name="config.json"):
    path = folder / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def without_checksums(folder):
    edit(folder, lambda config: config.pop("checksums"))


def set_model(name, value):
    return lambda folder: edit(folder, lambda config: config["model"].update({name: value}))


def remove(name):
    return lambda folder: (folder / name).unlink()


def replace_weights(change):
    def damage(folder):
        without_checksums(folder)
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


def cut(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-9])


DAMAGES = {
    "no weights": (remove("model.safetensors"), "is missing"),
    "no tokenizer": (remove("tokenizer.json"), "is missing"),
    "no configuration": (remove("config.json"), "is missing"),
    "weights cut": (cut("model.safetensors"), "is damaged"),
    "tokenizer cut": (cut("tokenizer.json"), "is damaged"),
    "a newer version": (
        lambda folder: edit(folder, lambda config: config.update(format_version=99)),
        "newer than this version",
    ),
    "an unknown field": (set_model("heads", 8), "unknown model field 'heads'"),
    "a missing field": (
        lambda folder: edit(folder, lambda config: config["model"].pop("hidden_size")),
        "incomplete",
    ),
    "another vocabulary": (set_model("vocab_size", 400), "belong to different models"),
    "another objective": (set_model("objective", "masked"), "belong to different models"),
    "an unknown objective": (set_model("objective", "span"), "must be one of"),
    "many layers": (set_model("num_layers", 999), "no float32 tensor layers.2"),
    "a huge width": (set_model("hidden_size", 10**9), "limit"),
    "a width that is text": (set_model("hidden_size", "8"), "must be a whole number"),
    "a tensor missing": (replace_weights(lambda tensors: tensors.pop("bias")), "no float32 tensor"),
    "half precision": (
        replace_weights(lambda tensors: tensors.update(bias=tensors["bias"].astype(np.float16))),
        "no float32 tensor bias",
    ),
    "infinite": (
        replace_weights(lambda tensors: tensors["bias"].__setitem__(0, np.inf)),
        "not finite",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_refused(tmp_path, name):
    damage, said = DAMAGES[name]
    folder = write_small(tmp_path / "lm")
    damage(folder)
    with pytest.raises(ModelFolderError, match=said):
        read_language_model(folder)


def test_checksums_are_those_of_the_files(tmp_path):
    folder = write_small(tmp_path / "lm")
    config = json.loads((folder / "config.json").read_text())
    for name, expected in config["checksums"].items():
        assert checksum((folder / name).read_bytes()) == expected


def test_a_language_model_is_told_by_its_architecture():
    assert WaveLMConfig.architecture == LANGUAGE_MODEL
