"""A reader gets the files of one model, or an error; also while others are replaced."""

import json
import mmap
import os
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from folder_edits import edit_json, right_checksums

from wave_network.errors import ModelFolderError
from wave_network.persistence import contents
from wave_network.persistence.contents import read_contents
from wave_network.persistence.folder import read_history, read_model, write_model
from wave_network.text import TextTokenizer

CHECKED = ("model.safetensors", "tokenizer.json", "conformal.json")


def write(folder, files, **options):
    history = [{"epoch": files.training["seed"]}]
    write_model(folder, files, card="", history=history, **options)
    return folder


@pytest.fixture
def two(make_files):
    """Two models of one shape, whose tokenizers give the same words other ids."""
    words = ["ant bee cat dog eel fox", "ant bee cat dog eel", "fox fox fox ant ant bee"] * 3
    tokenizers = [TextTokenizer.train(texts * 9, 300, 24) for texts in (words, words[::-1])]
    content = json.loads(tokenizers[1]._tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    ant, fox = vocabulary["Ġant"], vocabulary["Ġfox"]
    vocabulary.update({"Ġant": fox, "Ġfox": ant})
    parse = TextTokenizer.parse(json.dumps(content).encode(), "made", 24)
    return [
        replace(make_files(seed=seed, tokenizer=tokenizer), conformal_thresholds=[0.5 - seed / 10])
        for seed, tokenizer in enumerate((tokenizers[0], parse))
    ]


def seed_of(files, two):
    """Of which of the two models all parts are."""
    seed = files.training["seed"]
    for name, tensor in two[seed].tensors.items():
        np.testing.assert_array_equal(files.tensors[name], tensor)
    expected = two[seed].tokenizer.encode(["ant fox bee"]).ids
    np.testing.assert_array_equal(files.tokenizer.encode(["ant fox bee"]).ids, expected)
    assert files.conformal_thresholds == two[seed].conformal_thresholds
    return seed


def test_config_names_the_checksums(tmp_path, two):
    folder = write(tmp_path / "model", two[0])
    named = json.loads((folder / "config.json").read_text())["checksums"]
    assert sorted(named) == sorted(CHECKED)
    assert named == {name: contents.checksum((folder / name).read_bytes()) for name in CHECKED}
    before = (folder / "config.json").read_bytes()
    right_checksums(folder)
    write(tmp_path / "again", two[0])
    assert (tmp_path / "again" / "config.json").read_bytes() == before  # nothing random in it


@pytest.mark.parametrize("name", CHECKED)
def test_a_file_of_another_model_is_noticed(tmp_path, two, name):
    folder, other = (write(tmp_path / str(files.training["seed"]), files) for files in two)
    shutil.copyfile(other / name, folder / name)
    with pytest.raises(ModelFolderError, match=rf"{name} is damaged, or of another model"):
        read_model(folder)


def test_a_flipped_bit_of_the_weights_is_noticed(tmp_path, two):
    folder = write(tmp_path / "model", two[0])
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelFolderError, match="damaged, or of another model"):
        read_model(folder)


@pytest.mark.parametrize("checksums", [None, {}])
def test_a_folder_of_before_there_were_checksums_is_read(tmp_path, two, checksums):
    folder = write(tmp_path / "model", two[0])
    edit_json(folder / "config.json", checksums=checksums)
    assert seed_of(read_model(folder), two) == 0


def test_checksums_of_another_type_are_damage(tmp_path, two):
    folder = write(tmp_path / "model", two[0])
    for value in ([], "x", 1, {"model.safetensors": 5}):
        edit_json(folder / "config.json", checksums=value)
        with pytest.raises(ModelFolderError, match="damaged"):
            read_model(folder)


def test_a_replaced_folder_is_read_again(tmp_path, two, monkeypatch):
    """It is replaced right after the configuration was read, and after that another three times."""
    folder = write(tmp_path / "model", two[0])
    for number, files in enumerate(two * 2):
        write(tmp_path / f"next-{number}", files)
    read_file, count = contents.read_file, 0

    def replaced_meanwhile(path):
        nonlocal count
        content = read_file(path)
        if path.name == "config.json" and count < 4:
            shutil.rmtree(folder)
            (tmp_path / f"next-{count}").rename(folder)
            count += 1
        return content

    monkeypatch.setattr(contents, "read_file", replaced_meanwhile)
    assert seed_of(read_model(folder), two) == 1
    assert count == 4


def test_a_folder_without_checksums_that_is_replaced_meanwhile_is_read_again(
    tmp_path, two, monkeypatch
):
    folder = write(tmp_path / "model", two[0])
    edit_json(folder / "config.json", checksums=None)
    other = write(tmp_path / "next", two[1])
    read_file = contents.read_file

    def replaced_meanwhile(path):
        content = read_file(path)
        if path.name == "config.json" and other.exists():
            folder.rename(tmp_path / "old")
            other.rename(folder)
        return content

    monkeypatch.setattr(contents, "read_file", replaced_meanwhile)
    assert seed_of(read_model(folder), two) == 1


def test_a_history_of_a_folder_that_is_replaced_is_read_again(tmp_path, two, monkeypatch):
    folder, other = write(tmp_path / "model", two[0]), write(tmp_path / "next", two[1])
    read_file = contents.read_file

    def replaced_meanwhile(path):
        content = read_file(path)
        if path.name == "history.jsonl" and other.exists():
            folder.rename(tmp_path / "old")
            other.rename(folder)
        return content

    monkeypatch.setattr(contents, "read_file", replaced_meanwhile)
    assert read_history(folder) == [{"epoch": 1}]


def test_a_folder_that_never_holds_still_is_given_up(tmp_path, two, monkeypatch):
    folder = write(tmp_path / "model", two[0])
    times = iter(range(10_000))
    monkeypatch.setattr(contents, "_identity", lambda _: next(times))
    monkeypatch.setattr(contents, "_PAUSE", 0)
    with pytest.raises(ModelFolderError, match="replaced again and again"):
        read_contents(folder)


def test_readers_beside_a_writer_get_one_model(tmp_path, two):
    folder = write(tmp_path / "model", two[0])
    done = threading.Event()

    def write_on():
        number = 0
        while not done.is_set():
            number += 1
            write(folder, two[number % 2], overwrite=True)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        found = {seed_of(read_model(folder), two) for _ in range(100)}
    finally:
        done.set()
        writer.join()
    assert found == {0, 1}


def test_the_weights_are_not_mapped(tmp_path, two, monkeypatch):
    """Where a mapped file is overwritten in place, as `cp` does, the process dies of SIGBUS."""
    folder = write(tmp_path / "model", two[0])

    def refuse(*_, **__):
        raise AssertionError("mapped")

    monkeypatch.setattr(mmap, "mmap", refuse)
    files = read_model(folder)
    with (folder / "model.safetensors").open("r+b") as file:
        os.ftruncate(file.fileno(), 0)
    assert seed_of(files, two) == 0
