"""Folders that somebody made up: each is refused in one line, soon, before it costs memory."""

import json
import math
import os
import struct
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from folder_edits import edit_json, edit_model, right_checksums
from safetensors.numpy import load_file, save_file

from wave_network.config import LocalWaveConfig
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.persistence.folder import read_history, read_model, write_model
from wave_network.runtime import Engine, load

DEEP = "[" * 100_000
DIGITS = 10**400
HISTORY = [{"epoch": 1, "train_loss": 1.5, "validation": {"accuracy": 0.5, "loss": math.nan}}]


@pytest.fixture
def wave_folder(tmp_path, make_files):
    return write(tmp_path / "wave", make_files(variants="linear"))


@pytest.fixture
def local_folder(tmp_path, make_files):
    return write(tmp_path / "local", make_files(config_class=LocalWaveConfig))


def write(folder, files):
    write_model(folder, files, card="", history=HISTORY)
    return folder


def refused(folder, name, read=read_model):
    """Soon, in one short line that names the file."""
    right_checksums(folder)
    started = time.perf_counter()
    with pytest.raises(ModelFolderError) as caught:
        read(folder)
    assert time.perf_counter() - started < 5  # the machine may be busy
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500 + len(str(folder))
    assert name in message


@pytest.mark.parametrize(
    "field",
    [
        *("vocab_size", "max_length", "hidden_size", "bigram_buckets", "bigram_size", "members"),
        *(
            "feed_forward_size",
            "linear_size",
            "sparse_linear_size",
            "cls_token_id",
            "initializer_range",
        ),
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        *(10**15, 10**18, 10**30, DIGITS, -(10**30), 2**31, "8", None, True, [1], {"a": 1}),
        *(math.nan, math.inf, 1e-200, 1e308),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_sizes_of_a_local_wave_network(local_folder, field, value):
    edit_model(local_folder, **{field: value})
    refused(local_folder, "config.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 10**9},
        {"num_layers": 10**6},
        {"num_layers": DIGITS},
        {"hidden_size": 10**11},
        {"positions": "sinusoidal", "max_length": 3 * 10**7},
        {"positions": "sinusoidal", "max_length": 10**10},
        {"positions": "learned", "max_length": 2**31 - 1},
        {"max_length": 2**63},
        {"dropout": DIGITS},
        {"initializer_range": DIGITS},
        {"initializer_range": 1e-30},
        {"labels": "abcd"},
        {"labels": {"a": 1, "b": 2}},
        {"labels": [None, "a", "b"]},
        {"labels": [1.5, 2, 3]},
        {"labels": [1, "1", 2]},
        {"labels": [[1], [2], [3]]},
        {"labels": ["\ud800", "b", "c"]},
        {"labels": ["a", "b"]},
        {"thresholds": "abc", "problem_type": "multi_label_classification"},
        {"thresholds": [DIGITS, 0, 0], "problem_type": "multi_label_classification"},
        {"levels": 5},
        {"levels": [[], {}]},
        {"operation": ["modulation"]},
        {"\x1b]0;title\x07": 1},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_shapes_of_a_wave_network(wave_folder, changes):
    edit_model(wave_folder, **changes)
    refused(wave_folder, str(wave_folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"epochs": DIGITS}},
        {"training": {"epochs": "2"}},
        {"training": {"learning_rate": DIGITS}},
        {"training": {"base_model": 5}},
        {"training": {"teacher": []}},
        {"training": {"class_weight": {"a": 1e308}}},
        {"training": 5},
        {"preset": []},
        {"quantization": "\x1b[2J"},
        {"quantization": []},
        {"calibration": {"temperature": True}},
        {"calibration": {"temperature": DIGITS}},
        {"format_version": "\x1b]0;title\x07"},
        {"architecture": "\x1b[2J"},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_other_sections(wave_folder, changes):
    edit_json(wave_folder / "config.json", **changes)
    refused(wave_folder, "wave")
    with pytest.raises(ModelFolderError) as caught:
        read_model(wave_folder)
    assert "\x1b" not in str(caught.value)


def test_a_training_section_without_fields_is_one_of_an_older_version(local_folder):
    from wave_network import WaveClassifier

    edit_json(local_folder / "config.json", training={}, preset="tiny")
    assert (
        WaveClassifier.load(local_folder).predict(["a"])[0]
        in read_model(local_folder).config.labels
    )


FILES = ("config.json", "metrics.json", "conformal.json", "history.jsonl")
CONTENTS = {
    "nested too deep": DEEP,
    "an object nested too deep": '{"a":' * 100_000,
    "too many digits": '{"epoch": ' + "9" * 5_000 + "}",
    "no object": "[1]",
    "no UTF-8": b'{"a": "\xff"}',
    "cut off": '{"a": ',
    "nothing but a null": "null",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", CONTENTS)
def test_json_that_is_none(tmp_path, make_files, name, content):
    folder = write(tmp_path / "model", replace(make_files(), conformal_thresholds=[0.5]))
    text = CONTENTS[content]
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    if name == "config.json":
        with pytest.raises(ModelFolderError, match=r"config\.json"):
            read_model(folder)
    else:
        refused(folder, name, read_history if name.startswith("history") else read_model)


@pytest.mark.parametrize(
    "changes",
    [
        {"training_texts": None},
        {"training_texts": "90"},
        {"training_texts": -1},
        {"training_texts": DIGITS},
        {"training_texts": True},
        {"validation": None},
        {"validation": []},
        {"validation": {}},
        {"validation": {"accuracy": "0.5", "macro_f1": 0.5, "loss": 1}},
        {"validation": {"accuracy": DIGITS, "macro_f1": 0.5, "loss": 1}},
        {"test": 5},
        {"test": {"micro_f1": 0.5}},
        {"epochs": 1.5},
        {"best_epoch": []},
        {"calibration": 5},
        {"calibration": {"temperature": 1.0}},
        {"calibration": {"temperature": "1", "before": {}, "after": {}}},
        {"quantization": []},
        {"quantization": {"texts": 5, "changed": 1}},
        {"margin_weight": 0},
        {"margin_weight": "1"},
        {"waves_weight": 0},
        {"represented_texts": DIGITS},
        {"refit": True, "validation_texts": 90},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_metrics(wave_folder, changes):
    edit_json(wave_folder / "metrics.json", **changes)
    refused(wave_folder, "metrics.json")


@pytest.mark.parametrize("missing", ["validation_texts", "best_epoch", "epochs", "validation"])
def test_metrics_that_lack_something(wave_folder, missing):
    path = wave_folder / "metrics.json"
    content = json.loads(path.read_text())
    del content[missing]
    path.write_text(json.dumps(content))
    refused(wave_folder, "metrics.json")


def test_metrics_without_a_test_are_whole(wave_folder):
    from wave_network.persistence.card import render_card

    path = wave_folder / "metrics.json"
    content = json.loads(path.read_text())
    del content["test"]
    path.write_text(json.dumps(content))
    right_checksums(wave_folder)
    assert "| validation |" in render_card(read_model(wave_folder))


@pytest.mark.parametrize(
    "line",
    [
        *("5", '{"epoch": "1"}', '{"epoch": -1}', '{"epoch": 1.5}', '{"train_loss": 1.7e308}', ""),
        *('{"train_loss": [1]}', '{"validation": {"loss": -1e31}}', f'{{"epoch": {DIGITS}}}'),
    ],
    ids=lambda line: line[:30],
)
def test_history(wave_folder, line):
    (wave_folder / "history.jsonl").write_text(f'{{"epoch": 1}}\n{line}\n{{"epoch": 3}}\n')
    refused(wave_folder, "history.jsonl", read_history)


def test_line_separators_within_a_string_end_no_line(wave_folder):
    record = {"epoch": 1, "note": "a\u2028b\x85c", "train_loss": math.inf}
    text = json.dumps(record, ensure_ascii=False)
    (wave_folder / "history.jsonl").write_text(f"{text}\n{text}\n", encoding="utf-8")
    right_checksums(wave_folder)
    assert read_history(wave_folder) == [record, record]


@pytest.mark.parametrize("bars", [[0.5, 0.6], [True], [DIGITS], [math.nan], ["0.5"], 5, {}])
def test_conformal_thresholds(tmp_path, make_files, bars):
    folder = write(tmp_path / "model", replace(make_files(), conformal_thresholds=[0.5]))
    (folder / "conformal.json").write_text(json.dumps({"bars": bars}))
    refused(folder, "conformal.json")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["wave_folder", "local_folder"])
def test_weights_that_are_no_numbers(request, kind, value):
    folder = request.getfixturevalue(kind)
    path = folder / "model.safetensors"
    whole = load_file(path)
    for name in whole:
        changed = {**whole, name: whole[name].copy()}
        changed[name].flat[-1] = value
        save_file(changed, path)
        refused(folder, "model.safetensors")


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_scales_that_give_no_numbers(tmp_path, make_files, bits, value):
    files = replace(make_files(config_class=LocalWaveConfig), table_bits=bits)
    folder = write(tmp_path / "model", files)
    stored = load_file(folder / "model.safetensors")
    with np.errstate(over="ignore"):
        for name in stored:
            if name.endswith(".scale"):
                changed = {**stored, name: stored[name].copy()}
                changed[name].flat[0] = value
                save_file(changed, folder / "model.safetensors")
                refused(folder, "model.safetensors")


def test_weights_that_are_no_numbers_are_not_written(tmp_path, make_files):
    files = make_files()
    files.tensors["classifier.bias"][0] = np.nan
    with pytest.raises(ConfigError, match=r"classifier\.bias are not finite"):
        write(tmp_path / "model", files)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["wave_folder", "local_folder"])
def test_finite_weights_that_give_no_finite_answer(request, kind):
    folder = request.getfixturevalue(kind)
    path = folder / "model.safetensors"
    save_file({name: np.full_like(t, 3e38) for name, t in load_file(path).items()}, path)
    right_checksums(folder)
    engine = load(folder)
    with np.errstate(all="ignore"):
        for ask in (engine.predict, engine.predict_proba):
            with pytest.raises(ModelFolderError, match="answers are not finite"):
                ask(["a text"])


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2", "F8_E8M0", "BF16", "I4", "X9"])
def test_weights_of_types_that_numpy_lacks(wave_folder, dtype):
    header = {"classifier.bias": {"dtype": dtype, "shape": [2], "data_offsets": [0, 2]}}
    content = json.dumps(header).encode()
    path = wave_folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(content)) + content + bytes(2))
    refused(wave_folder, "model.safetensors")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "metrics.json", "history.jsonl"]
)
@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_what_is_no_file_is_not_waited_for(wave_folder, name, kind):
    (wave_folder / name).unlink()
    if kind == "a pipe":
        os.mkfifo(wave_folder / name)
    else:
        (wave_folder / name).symlink_to("/dev/zero")
    with pytest.raises(ModelFolderError, match=f"{name} is not a file"):
        (read_history if name == "history.jsonl" else read_model)(wave_folder)


def test_names_that_the_system_does_not_take(tmp_path):
    for name, message in (("n" * 300, "cannot be read"), ("a\0b", "cannot be read|not exist")):
        with pytest.raises(ModelFolderError, match=message) as caught:
            read_model(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_what_may_not_be_read_is_called_that(wave_folder, monkeypatch, name):
    read_bytes = Path.read_bytes

    def locked(path):
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", locked)
    with pytest.raises(ModelFolderError, match=f"{name} cannot be read: Permission denied"):
        read_model(wave_folder)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_path_that_is_no_unicode(tmp_path, make_files):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/mod\xff"))
    files = make_files()
    files = replace(files, training={**files.training, "base_model": str(folder)})
    write(folder, files)
    found = read_model(folder)
    assert found.training["base_model"] == str(folder)
    texts = ["A text"]
    np.testing.assert_array_equal(
        Engine(found).predict_proba(texts), Engine(files).predict_proba(texts)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ranks", np.full(30, np.nan)),
        ("ranks", np.zeros(10**6)),
        ("normal", np.full((3, 2, 6), np.inf)),
        ("pairs", np.zeros(10**6, np.uint8)),
        ("longest", np.ones(1, np.int8)),
    ],
)
def test_out_of_scope_scores(tmp_path, sample_model, make_files, name, value):
    fitted = read_model(sample_model).out_of_scope
    folder = write(tmp_path / "model", replace(make_files(), out_of_scope=fitted))
    file = folder / "out_of_scope.safetensors"
    save_file({**load_file(file), name: value}, file)
    refused(folder, "out_of_scope.safetensors")
