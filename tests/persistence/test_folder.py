import json
import math
import os
import pickletools
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch
from folder_edits import edit_json, right_checksums
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch_file

from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.errors import ModelFolderError, OutputError
from wave_network.models.registry import build_model
from wave_network.models.tensors import parameter_counts, tensor_shapes
from wave_network.persistence.folder import (
    check_output,
    read_history,
    read_model,
    resolve_source,
    size_bytes,
    write_model,
)
from wave_network.persistence.format import FORMAT_VERSION
from wave_network.runtime import Engine, load
from wave_network.text import TextTokenizer

MAY_BE_MISSING = ("conformal.json", "out_of_scope.safetensors")
FILES = [
    "README.md",
    "config.json",
    "history.jsonl",
    "metrics.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
]
HISTORY = [{"epoch": 1, "train_loss": 1.5}, {"epoch": 2, "train_loss": 1.0}]
LOCAL = {"config_class": LocalWaveConfig, "members": 3}
TEXTS = ["Oil prices jump", "", "雨が降る", "A goal in the last minute. Fans cheer!"]


def write(folder, files, **options):
    write_model(folder, files, card="# A card\n", history=HISTORY, **options)
    return folder


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path, make_files):
    return write(tmp_path / "model", make_files())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"labels": (1, -2, 30)},
        {"labels": ("1", "01", "grün, 雨")},
        {"variants": "linear", "num_layers": 3, "positions": "learned", "pooling": "mean"},
        {"levels": ("sentence", "input"), "readout": "magnitude", "positions": "sinusoidal"},
        {"config_class": LocalWaveConfig},
        {**LOCAL, "operation": "interference", "labels": (1, -2, 30)},
        {**LOCAL, "linear_size": 4_000, "sparse_linear_size": 500},
    ],
)
def test_round_trip(tmp_path, make_files, options):
    files = make_files(**options)
    folder = write(tmp_path / "model", files)
    found = read_model(folder)
    assert type(found.config) is type(files.config)
    assert found.config == files.config
    assert [type(a) for a in found.config.labels] == [type(b) for b in files.config.labels]
    assert (found.preset, found.training, found.metrics) == (
        files.preset,
        files.training,
        files.metrics,
    )
    assert set(found.tensors) == set(files.tensors) == set(tensor_shapes(files.config))
    for name, tensor in files.tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found.tensors[name], tensor)
    np.testing.assert_array_equal(
        Engine(found).predict_proba(TEXTS), Engine(files).predict_proba(TEXTS)
    )
    np.testing.assert_array_equal(
        load(str(folder)).predict_proba(TEXTS), load(folder).predict_proba(TEXTS)
    )
    assert read_history(folder) == HISTORY


@pytest.mark.parametrize("options", [{}, LOCAL], ids=["wave", "local"])
def test_a_torch_model_loads_the_stored_tensors(tmp_path, make_files, options):
    files = read_model(write(tmp_path / "model", make_files(**options)))
    model = build_model(files.config)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in files.tensors.items()})


def test_the_files_are_these_and_none_is_a_pickle(sample_model, folder):
    for written in (sample_model, folder):
        assert [name for name in names_in(written) if name not in MAY_BE_MISSING] == FILES
        assert all(path.is_file() for path in written.iterdir())
        for name, content in content_of(written).items():
            assert not content.startswith((b"PK", b"\x80")), name  # torch.save, and pickle
            with pytest.raises((ValueError, KeyError)):
                list(pickletools.genops(content))
            if not name.endswith(".safetensors"):
                content.decode("utf-8")
        assert size_bytes(written) == sum(map(len, content_of(written).values()))


@pytest.mark.parametrize(
    ("options", "architecture"), [({}, "wave"), (LOCAL, "local-wave")], ids=["wave", "local"]
)
def test_config_json_describes_itself(tmp_path, make_files, options, architecture):
    files = make_files(**options)
    folder = write(tmp_path / "model", files)
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert list(description) == [
        *("model_type", "format_version", "library_version"),
        *("preset", "architecture", "quantization", "calibration"),
        *("model", "training", "checksums"),
    ]
    assert description["model_type"] == "wave-network"
    assert description["format_version"] == FORMAT_VERSION
    assert description["architecture"] == architecture
    assert description["model"] == files.config.to_dict()


def test_a_folder_of_before_there_were_architectures_is_a_wave_network(folder, make_files):
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del description["architecture"]
    (folder / "config.json").write_text(json.dumps(description), encoding="utf-8")
    found = read_model(folder)
    assert type(found.config) is ModelConfig
    np.testing.assert_array_equal(
        Engine(found).predict_proba(TEXTS), Engine(make_files()).predict_proba(TEXTS)
    )


def test_the_temperature_is_kept_and_a_folder_of_before_there_was_one_has_none(folder, make_files):
    assert read_model(folder).temperature is None
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert description.pop("calibration") is None
    (folder / "config.json").write_text(json.dumps(description), encoding="utf-8")
    assert read_model(folder).temperature is None
    expected = Engine(make_files()).predict_proba(TEXTS)
    np.testing.assert_array_equal(load(folder).predict_proba(TEXTS), expected)

    write(folder, replace(make_files(), temperature=2.0), overwrite=True)
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert description["calibration"] == {"temperature": 2.0}
    assert read_model(folder).temperature == 2.0
    roots = np.sqrt(expected)
    np.testing.assert_allclose(
        load(folder).predict_proba(TEXTS), roots / roots.sum(axis=1, keepdims=True), atol=1e-6
    )


@pytest.mark.parametrize(
    "calibration",
    [{}, [], 2.0, {"temperature": 0}, {"temperature": "1"}, {"temperature": 10**400}]
    + [{"temperature": value} for value in (-1.0, math.nan, math.inf, None)],
    ids=str,
)
def test_a_temperature_that_is_none_is_damage(folder, calibration):
    edit_json(folder / "config.json", calibration=calibration)
    with pytest.raises(ModelFolderError, match=r"config\.json is damaged: .*calibration"):
        read_model(folder)


def test_bars_are_kept_and_a_folder_without_them_has_none(folder, make_files):
    assert read_model(folder).conformal_thresholds is None
    write(folder, replace(make_files(), conformal_thresholds=[0.75, 0.5]), overwrite=True)
    assert names_in(folder) == sorted([*FILES, "conformal.json"])
    assert read_model(folder).conformal_thresholds == [0.75, 0.5]
    assert load(folder).conformal_threshold(0.001) == 0.75


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"bars": 1}', '{"bars": [0.5, null]}'])
def test_damaged_bars_are_refused(folder, content):
    (folder / "conformal.json").write_text(content)
    with pytest.raises(ModelFolderError, match=r"conformal\.json is damaged"):
        read_model(folder)


def test_what_the_out_of_scope_score_needs_is_kept(folder, sample_model, make_files):
    assert read_model(folder).out_of_scope is None
    fitted = read_model(sample_model).out_of_scope
    write(folder, replace(make_files(), out_of_scope=fitted), overwrite=True)
    assert names_in(folder) == sorted([*FILES, "out_of_scope.safetensors"])
    before, after = fitted.to_tensors(), read_model(folder).out_of_scope.to_tensors()
    assert list(before) == list(after)
    for name, tensor in before.items():
        np.testing.assert_array_equal(after[name], tensor)
    size = (sample_model / "out_of_scope.safetensors").stat().st_size
    assert size < 0.05 * size_bytes(sample_model)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 100])
def test_a_damaged_out_of_scope_file_is_refused(folder, content):
    (folder / "out_of_scope.safetensors").write_bytes(content)
    with pytest.raises(ModelFolderError, match=r"out_of_scope\.safetensors is damaged"):
        read_model(folder)


def test_an_unknown_architecture_is_named_and_refused(folder):
    edit_json(folder / "config.json", architecture="transformer")
    with pytest.raises(ModelFolderError, match="unknown architecture 'transformer'") as caught:
        read_model(folder)
    assert str(folder / "config.json") in str(caught.value)
    assert "newer version" in str(caught.value)


def test_a_folder_said_to_be_of_the_other_architecture_is_refused(tmp_path, make_files):
    for options, other in (({}, "local-wave"), (LOCAL, "wave")):
        folder = write(tmp_path / other, make_files(**options))
        edit_json(folder / "config.json", architecture=other)
        with pytest.raises(ModelFolderError, match=r"config\.json is damaged: unknown model field"):
            read_model(folder)


def test_what_describes_the_training_may_be_missing(folder, make_files):
    for name in ("metrics.json", "history.jsonl", "README.md"):
        (folder / name).unlink()
    found = read_model(folder)
    assert found.metrics == {}
    assert read_history(folder) == []
    np.testing.assert_array_equal(
        Engine(found).predict_proba(TEXTS), Engine(make_files()).predict_proba(TEXTS)
    )


def test_parameter_counts_are_those_of_the_tensors(make_files):
    for options in ({}, {"variants": "linear", "num_layers": 2, "positions": "learned"}):
        files = make_files(**options)
        counts = parameter_counts(files.config)
        assert counts["total"] == sum(tensor.size for tensor in files.tensors.values())
        assert counts["embedding"] == files.tensors["embedding.weight"].size
    files = make_files(**LOCAL)
    counts = parameter_counts(files.config)
    tables = [files.tensors[name].size for name in ("embedding.weight", "bigrams.weight")]
    assert counts["total"] == sum(tensor.size for tensor in files.tensors.values())
    assert counts["embedding"] == sum(tables)


# What can be wrong with a folder: each is a function of the folder and the file that is named.


def edit_model(path, **changes):
    edit_json(path, model={**json.loads(path.read_text())["model"], **changes})


def edit_tensors(path, change):
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def truncate(path, share):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def transpose(tensors):
    name = "feed_forward.weight"
    tensors[f"layers.0.{name}"] = np.ascontiguousarray(tensors[f"layers.0.{name}"].T)


def half_precision(tensors):
    tensors["classifier.weight"] = tensors["classifier.weight"].astype(np.float16)


def bfloat16(path):
    save_torch_file({n: torch.from_numpy(t).bfloat16() for n, t in load_file(path).items()}, path)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def other_tokenizer(path):
    TextTokenizer.train(["entirely other words"] * 9, 300, 24).save(path.parent)


DAMAGES = {
    "config missing": ("config.json", Path.unlink),
    "config empty": ("config.json", lambda path: path.write_bytes(b"")),
    "config cut off": ("config.json", lambda path: truncate(path, 0.5)),
    "config no UTF-8": ("config.json", lambda path: path.write_bytes(b'{"a": "\xff"}')),
    "config an array": ("config.json", lambda path: path.write_text("[1, 2]")),
    "config a folder": ("config.json", replace_by_folder),
    "config of BERT": (
        "config.json",
        lambda path: path.write_text('{"model_type": "bert", "hidden_size": 768}'),
    ),
    "config without a type": ("config.json", lambda path: path.write_text("{}")),
    "a list for an architecture": ("config.json", lambda path: edit_json(path, architecture=[])),
    "an object for an architecture": ("config.json", lambda path: edit_json(path, architecture={})),
    "a number for an architecture": ("config.json", lambda path: edit_json(path, architecture=2)),
    "no architecture": ("config.json", lambda path: edit_json(path, architecture=None)),
    "no model in it": ("config.json", lambda path: edit_json(path, model=None)),
    "a list for a model": ("config.json", lambda path: edit_json(path, model=[])),
    "an empty model": ("config.json", lambda path: edit_json(path, model={})),
    "a list for a training": ("config.json", lambda path: edit_json(path, training=[])),
    "unknown field": ("config.json", lambda path: edit_model(path, heads=12)),
    "unknown operation": ("config.json", lambda path: edit_model(path, operation="sum")),
    "size of text": ("config.json", lambda path: edit_model(path, hidden_size="8")),
    "length of a fraction": ("config.json", lambda path: edit_model(path, max_length=9.5)),
    "labels of null": ("config.json", lambda path: edit_model(path, labels=None)),
    "weights missing": ("model.safetensors", Path.unlink),
    "weights empty": ("model.safetensors", lambda path: path.write_bytes(b"")),
    "weights cut off": ("model.safetensors", lambda path: truncate(path, 0.9)),
    "header cut off": ("model.safetensors", lambda path: truncate(path, 0.01)),
    "weights a folder": ("model.safetensors", replace_by_folder),
    "weights of another shape": ("model.safetensors", lambda path: edit_tensors(path, transpose)),
    "a tensor missing": (
        "model.safetensors",
        lambda path: edit_tensors(path, lambda tensors: tensors.pop("classifier.bias")),
    ),
    "other tensors": ("model.safetensors", lambda path: edit_tensors(path, dict.clear)),
    "half precision": (
        "model.safetensors",
        lambda path: edit_tensors(path, half_precision),
    ),
    "bfloat16": ("model.safetensors", bfloat16),
    "config of another size": (
        "model.safetensors",
        lambda path: edit_model(path.parent / "config.json", hidden_size=9),
    ),
    "tokenizer missing": ("tokenizer.json", Path.unlink),
    "tokenizer cut off": ("tokenizer.json", lambda path: truncate(path, 0.5)),
    "tokenizer no tokenizer": ("tokenizer.json", lambda path: path.write_text("{}")),
    "tokenizer of another model": ("tokenizer.json", other_tokenizer),
    "metrics cut off": ("metrics.json", lambda path: truncate(path, 0.5)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_in_one_line(folder, damage):
    refuse_after(folder, *DAMAGES[damage])


LOCAL_DAMAGES = {
    "members of none": ("config.json", lambda path: edit_model(path, members=0)),
    "buckets of text": ("config.json", lambda path: edit_model(path, bigram_buckets="211")),
    "a field of the other": ("config.json", lambda path: edit_model(path, num_layers=1)),
    "another number of members": (
        "model.safetensors",
        lambda path: edit_model(path.parent / "config.json", members=2),
    ),
    "no pairs": (
        "model.safetensors",
        lambda path: edit_tensors(path, lambda tensors: tensors.pop("bigrams.weight")),
    ),
}


@pytest.mark.parametrize("damage", LOCAL_DAMAGES)
def test_damage_of_a_local_network_is_named_in_one_line(tmp_path, make_files, damage):
    folder = write(tmp_path / "model", make_files(**LOCAL))
    refuse_after(folder, *LOCAL_DAMAGES[damage])


def refuse_after(folder, name, spoil):
    spoil(folder / name)
    refuse(folder, name)
    if name != "config.json":
        right_checksums(folder)
        refuse(folder, name)


def refuse(folder, name):
    with pytest.raises(ModelFolderError) as caught:
        read_model(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    assert name in message


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, "1", None])
def test_a_newer_format_says_to_upgrade(folder, version):
    edit_json(folder / "config.json", format_version=version)
    with pytest.raises(ModelFolderError, match="pip install --upgrade wave-network") as caught:
        load(folder)
    assert str(folder) in str(caught.value)
    assert f"format {version!r}" in str(caught.value)


def test_damaged_history_is_named(folder):
    truncate(folder / "history.jsonl", 0.7)
    with pytest.raises(ModelFolderError, match=r"history\.jsonl is damaged") as caught:
        read_history(folder)
    assert "\n" not in str(caught.value)


def test_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for path, reason in (("nowhere", "does not exist"), ("file", "is a file, not a model folder")):
        for source in (tmp_path / path, str(tmp_path / path)):
            with pytest.raises(ModelFolderError, match=f"{path} {reason}"):
                resolve_source(source)


@pytest.mark.parametrize("name", ["no-such-owner/no-such-model", "a/b/c", ""])
def test_the_hub_cannot_be_reached_or_has_no_such_model(monkeypatch, name):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFolderError, match=f"cannot download hub:{name} from") as caught:
        read_model(f"hub:{name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["model", "a/b/c", "./model", "a/../model", "model/"])
def test_relative_paths(tmp_path, monkeypatch, make_files, path):
    monkeypatch.chdir(tmp_path)
    write(Path(path), make_files())
    assert names_in(tmp_path / path) == FILES
    assert load(path).predict(["a"])
    assert not [name for name in names_in((tmp_path / path).parent) if name.startswith(".")]


def test_an_existing_folder_is_replaced_only_when_asked_to(folder, make_files):
    before = content_of(folder)
    (folder / "stale").write_text("from another version")
    with pytest.raises(
        OutputError, match="exists: choose another place, or replace it with overwrite=True"
    ):
        write(folder, make_files(seed=1))
    with pytest.raises(OutputError, match=r"holds what is not of a model folder \('stale'\)"):
        write(folder, make_files(seed=1), overwrite=True)
    (folder / "stale").unlink()
    assert content_of(folder) == before
    write(folder, make_files(seed=1), overwrite=True)
    assert names_in(folder) == FILES
    assert read_model(folder).training["seed"] == 1
    assert names_in(folder.parent) == ["model"]


def test_a_reader_sees_the_old_model_or_the_new_one(folder, make_files):
    """What is read while another model is being written is whole."""

    class Reading(TextTokenizer):
        def save(self, target):
            np.testing.assert_array_equal(load(folder).predict_proba(TEXTS), before)
            super().save(target)

    before = load(folder).predict_proba(TEXTS)
    files = make_files(seed=1)
    reading = Reading(files.tokenizer._tokenizer, files.tokenizer.max_length)
    write(folder, replace(files, tokenizer=reading), overwrite=True)
    np.testing.assert_array_equal(
        load(folder).predict_proba(TEXTS), Engine(files).predict_proba(TEXTS)
    )


def test_an_empty_folder_may_be_replaced(tmp_path, make_files):
    (tmp_path / "model").mkdir()
    with pytest.raises(OutputError, match="exists"):
        write(tmp_path / "model", make_files())
    write(tmp_path / "model", make_files(), overwrite=True)
    assert names_in(tmp_path / "model") == FILES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("thesis.txt", "the only copy"),
        ("config.json", '{"compilerOptions": {}}'),  # every second project has such a file
        ("config.json", '{"model_type": "bert"}'),
        ("config.json", "{"),
    ],
)
def test_a_folder_that_is_no_model_is_never_replaced(tmp_path, make_files, name, content):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / name).write_text(content)
    (folder / "more").mkdir()
    for attempt in (
        check_output,
        lambda path, overwrite: write(path, make_files(), overwrite=True),
    ):
        with pytest.raises(OutputError, match="is not a model folder, so it is not replaced"):
            attempt(folder, overwrite=True)
    assert names_in(folder) == sorted([name, "more"])
    assert (folder / name).read_text() == content
    assert names_in(tmp_path) == ["project"]


def test_a_file_is_never_replaced(tmp_path, make_files):
    (tmp_path / "model").write_text("x")
    with pytest.raises(OutputError, match="is not a model folder, so it is not replaced"):
        write(tmp_path / "model", make_files(), overwrite=True)
    with pytest.raises(OutputError, match="cannot write to"):
        write(tmp_path / "model" / "inner", make_files())
    assert (tmp_path / "model").read_text() == "x"


class FailingTokenizer(TextTokenizer):
    """Its file cannot be written; the weights are there already by then."""

    error: BaseException

    def save(self, folder):
        assert (Path(folder) / "model.safetensors").is_file()
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), "the disk is full; nothing was changed"),
        (OSError(5, "Input/output error"), "Input/output error; nothing was changed"),
        (OutputError("cannot write tokenizer.json: quota"), "quota"),
        (KeyboardInterrupt("pressed"), "pressed"),
    ],
)
@pytest.mark.parametrize("existing", [False, True])
def test_nothing_is_written_when_the_write_fails_midway(
    tmp_path, make_files, error, expected, existing
):
    folder = tmp_path / "model"
    if existing:
        write(folder, make_files())
    before = content_of(folder) if existing else None
    files = make_files(seed=1)
    failing = FailingTokenizer(files.tokenizer._tokenizer, 24)
    failing.error = error
    kind = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(kind, match=expected):
        write(folder, replace(files, tokenizer=failing), overwrite=True)
    assert names_in(tmp_path) == (["model"] if existing else [])
    if existing:
        assert content_of(folder) == before


FULL_DISK = """
    import resource, sys
    from dataclasses import replace
    from pathlib import Path

    from wave_network.errors import OutputError
    from wave_network.persistence.folder import read_model, write_model

    source, target, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    files = read_model(source)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        write_model(target, files, card="", history=[], overwrite=True)
    except OutputError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX's")
@pytest.mark.parametrize("failing", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("existing", [False, True])
def test_files_that_may_not_grow_leave_the_old_model(tmp_path, make_files, failing, existing):
    """RLIMIT_FSIZE stands for a full disk: a write fails in the middle of a file."""
    width = 8 if failing == "model.safetensors" else 1
    source = write(tmp_path / "source", make_files(hidden_size=width, seed=1))
    target = tmp_path / "there" / "model"
    target.parent.mkdir()
    if existing:
        write(target, make_files())
    before = content_of(target) if existing else None
    sizes = {name: len(content) for name, content in content_of(source).items()}
    limit = sizes[failing] - 500
    assert failing == "model.safetensors" or sizes["model.safetensors"] < limit
    found = subprocess.run(
        [sys.executable, "-c", dedent(FULL_DISK), str(source), str(target), str(limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    (message,) = found.stdout.splitlines()
    assert message == f"cannot write {target}: File too large; nothing was changed"
    assert names_in(target.parent) == (["model"] if existing else [])
    if existing:
        assert content_of(target) == before


def test_a_linked_folder_is_followed(tmp_path, make_files):
    """`current -> versions/1` stays a link, and its target gets the model."""
    write(tmp_path / "versions" / "1", make_files())
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "versions" / "1")
    with pytest.raises(OutputError, match="exists"):
        write(link, make_files(seed=1))
    write(link, make_files(seed=1), overwrite=True)
    assert link.is_symlink()
    assert read_model(tmp_path / "versions" / "1").training["seed"] == 1
    assert names_in(tmp_path) == ["current", "versions"]
    assert names_in(tmp_path / "versions") == ["1"]


def test_a_link_to_a_place_that_does_not_exist_yet_is_followed(tmp_path, make_files):
    (tmp_path / "current").symlink_to("elsewhere/model")
    write(tmp_path / "current", make_files())
    assert names_in(tmp_path / "elsewhere" / "model") == FILES
    assert load(tmp_path / "current").predict(["a"])


def test_a_linked_parent(tmp_path, make_files):
    (tmp_path / "disk").mkdir()
    (tmp_path / "models").symlink_to("disk")
    write(tmp_path / "models" / "m", make_files())
    assert names_in(tmp_path / "disk") == ["m"]


def test_others_may_read_a_model_as_the_umask_says(tmp_path, make_files):
    before = os.umask(0o022)
    try:
        folder = write(tmp_path / "model", make_files())
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}
