import json
import shutil

import numpy as np
import pytest
from folder_edits import right_checksums

from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.data import read_splits
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.export.quantize import quantize_model
from wave_network.persistence.folder import read_model, write_model
from wave_network.runtime import load

TEXTS = ["Stocks fall", "", "Rovers win the cup again", "a new chip"]


@pytest.fixture(params=[LocalWaveConfig, ModelConfig])
def folder(request, make_files, tmp_path):
    config_class = request.param
    folder = tmp_path / "model"
    files = make_files(
        config_class=config_class, initializer_range=0.1, labels=("Business", "Sports")
    )
    write_model(folder, files, card="", history=[{"epoch": 1}])
    return folder


@pytest.mark.parametrize(("bits", "error"), [(8, 0.05), (4, 0.4)])
def test_the_same_engine_reads_it_and_answers_nearly_alike(folder, tmp_path, bits, error):
    small = tmp_path / "small"
    summary = quantize_model(folder, small, None, overwrite=False, bits=bits)
    assert summary["measured"] is None
    assert summary["bits"] == bits
    assert summary["size_bytes"]["after"] < summary["size_bytes"]["before"]
    np.testing.assert_allclose(
        load(small).predict_proba(TEXTS), load(folder).predict_proba(TEXTS), atol=error
    )
    assert read_model(small).table_bits == bits
    assert (small / "history.jsonl").read_text() == (folder / "history.jsonl").read_text()


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.int8), (4, np.uint8)])
def test_tables_are_stored_in_few_bits(folder, tmp_path, bits, dtype):
    from safetensors.numpy import load_file

    quantize_model(folder, tmp_path / "small", None, overwrite=False, bits=bits)
    stored = load_file(tmp_path / "small" / "model.safetensors")
    assert stored["embedding.weight"].dtype == dtype
    assert stored["classifier.weight"].dtype == np.float32


@pytest.mark.parametrize("bits", [8, 4])
def test_what_it_costs_is_measured_and_stands_in_the_card(folder, tmp_path, bits):
    data = read_splits("sample").test
    kept = [row for row, label in enumerate(data["label"]) if label in ("Business", "Sports")]
    data = data.select(kept[:40])
    summary = quantize_model(folder, tmp_path / "small", data, overwrite=False, bits=bits)
    measured = summary["measured"]
    before, after = (
        load(place).predict_proba(data["text"]) for place in (folder, tmp_path / "small")
    )
    truth = np.array([("Business", "Sports").index(label) for label in data["label"]])
    assert measured["texts"] == 40
    assert measured["accuracy"]["before"] == pytest.approx((before.argmax(1) == truth).mean())
    assert measured["accuracy"]["after"] == pytest.approx((after.argmax(1) == truth).mean())
    assert measured["changed"] == (before.argmax(1) != after.argmax(1)).sum()
    card = (tmp_path / "small" / "README.md").read_text("utf-8")
    assert f"to {measured['accuracy']['after']:.4f}" in card
    assert f"stored in {bits} bits" in card


@pytest.mark.parametrize(("first", "second"), [(8, 8), (8, 4), (4, 4), (4, 8)])
def test_a_model_in_few_bits_is_not_rounded_again(folder, tmp_path, first, second):
    quantize_model(folder, tmp_path / "small", None, overwrite=False, bits=first)
    with pytest.raises(ConfigError, match=f"in {first} bits already"):
        quantize_model(tmp_path / "small", tmp_path / "b", None, overwrite=False, bits=second)


@pytest.mark.parametrize("bits", [2, 32])
def test_other_bits_are_refused(folder, tmp_path, bits):
    with pytest.raises(ConfigError, match=f"bits must be one of 8, 4; got {bits}"):
        quantize_model(folder, tmp_path / "small", None, overwrite=False, bits=bits)


@pytest.mark.parametrize("name", ["int2", [], 8])
def test_an_unknown_quantization_is_refused(folder, name):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization": name}))
    with pytest.raises(ModelFolderError, match="unknown quantization"):
        read_model(folder)


@pytest.mark.parametrize(("name", "dtype"), [("int8", "int8"), ("int4", "uint8")])
def test_a_32_bit_file_under_a_description_of_fewer_is_damage(folder, name, dtype):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization": name}))
    with pytest.raises(ModelFolderError, match=rf"no {dtype} tensor embedding\.weight"):
        read_model(folder)


@pytest.mark.parametrize("lost", ["embedding.weight", "embedding.scale"])
def test_packed_tables_that_are_cut_short_are_damage(folder, tmp_path, lost):
    from safetensors.numpy import load_file, save_file

    small = tmp_path / "small"
    quantize_model(folder, small, None, overwrite=False, bits=4)
    stored = load_file(small / "model.safetensors")
    save_file({**stored, lost: stored[lost][:-1]}, small / "model.safetensors")
    right_checksums(small)
    with pytest.raises(ModelFolderError, match=f"is damaged: no .* tensor {lost} of shape"):
        read_model(small)


def test_a_model_may_replace_itself(folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / "own")
    before = {path.name: path.stat().st_size for path in own.iterdir()}
    history = (own / "history.jsonl").read_text()
    summary = quantize_model(own, own, None, overwrite=True)
    assert summary["size_bytes"]["before"] == sum(before.values())
    assert summary["size_bytes"]["after"] < sum(before.values())
    assert (own / "history.jsonl").read_text() == history


def test_a_folder_without_metrics_is_quantized_too(folder, tmp_path):
    bare = shutil.copytree(folder, tmp_path / "bare")
    (bare / "metrics.json").unlink()
    quantize_model(bare, tmp_path / "small", None, overwrite=False)
    assert load(tmp_path / "small").predict(["red"])[0].label in load(bare).labels


def test_the_out_of_scope_score_is_kept(sample_model, tmp_path):
    quantize_model(sample_model, tmp_path / "small", None, overwrite=False)
    before, after = (
        [item.out_of_scope for item in load(folder).predict(TEXTS, out_of_scope=True)]
        for folder in (sample_model, tmp_path / "small")
    )
    np.testing.assert_allclose(after, before, atol=0.05)
