"""Models that are served: each is replaced when its folder is, and only by a whole one."""

import os
import shutil

import pytest
from fasttext_models import PLACE

from wave_network.errors import ConfigError, ModelFolderError
from wave_network.serve.models import ServedModel, serve_models


@pytest.fixture
def folder(make_model):
    return make_model("news", seed=1)


def test_a_replaced_folder_is_loaded_once_it_is_still(folder, make_model):
    model = ServedModel(str(folder))
    first = model.loaded
    assert not model.refresh()
    make_model("news", seed=2)  # exchanged whole
    assert not model.refresh()  # perhaps more is to come
    assert model.refresh()
    assert model.loaded.version != first.version
    assert model.failure is None
    assert not model.refresh()
    assert first.engine.predict(["a"])[0].score != model.loaded.engine.predict(["a"])[0].score


def test_a_damaged_folder_leaves_the_model_that_was_there(folder, make_model):
    model = ServedModel(str(folder))
    first = model.loaded
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    assert [model.refresh(), model.refresh(), model.refresh()] == [False, True, False]
    assert model.loaded is first
    assert "model.safetensors is damaged" in model.failure
    weights.write_bytes(whole)
    assert [model.refresh(), model.refresh()] == [False, True]
    assert model.failure is None
    assert model.loaded.version == first.version


def test_a_folder_that_is_copied_file_by_file_is_loaded_when_it_is_complete(folder, make_model):
    model = ServedModel(str(folder))
    other = make_model("other", seed=9)
    seen = []
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(other / name, folder / name)
        seen += [model.refresh(), model.failure]
    assert seen == [False, None] * 3
    assert model.refresh()
    assert model.loaded.version == ServedModel(str(other)).loaded.version


def test_a_folder_that_disappears_leaves_the_model(folder):
    model = ServedModel(str(folder))
    shutil.rmtree(folder)
    assert [model.refresh(), model.refresh()] == [False, True]
    assert "missing" in model.failure
    assert model.loaded.engine.predict(["a"])


def test_a_link_may_point_to_another_folder(folder, make_model, tmp_path):
    link = tmp_path / "current"
    link.symlink_to(folder)
    model = ServedModel(str(link))
    assert model.name == "current"
    second = make_model("second", seed=5)
    (tmp_path / "next").symlink_to(second)
    os.replace(tmp_path / "next", link)
    assert [model.refresh(), model.refresh()] == [False, True]
    assert model.loaded.version == ServedModel(str(second)).loaded.version


def test_names_are_the_last_parts_of_paths(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    assert [*serve_models(["."])] == ["news"]
    assert [*serve_models([f"{folder}/"])] == ["news"]
    with pytest.raises(ConfigError, match="two models are named 'news'"):
        serve_models([".", str(folder)])
    with pytest.raises(ModelFolderError, match="does not exist"):
        serve_models(["nowhere"])


def test_a_model_file_of_fasttext_is_served_and_replaced(tmp_path):
    path = tmp_path / "old.bin"
    shutil.copy(PLACE / "subwords.bin", path)
    model = ServedModel(str(path))
    assert model.describe()["labels"] == ["food", "space", "music", "sport"]
    first = model.loaded
    assert not model.refresh()
    shutil.copy(PLACE / "ova.bin", path)
    assert [model.refresh(), model.refresh()] == [False, True]
    assert model.describe()["multi_label"]
    assert model.loaded.version != first.version
    path.unlink()
    assert [model.refresh(), model.refresh()] == [False, True]
    assert "missing" in model.failure
