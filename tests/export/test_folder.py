"""The exported folder, read by the libraries that it is for."""

import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from fasttext_models import PLACE
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from wave_network import load
from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.errors import ModelFolderError, OutputError
from wave_network.export.folder import export_onnx
from wave_network.export.quantize import quantize_model
from wave_network.models.numpy_ops import softmax
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import write_model
from wave_network.text import TextTokenizer

TEXTS = [
    "",
    " \n\t",
    "\x00",
    "Oil prices jump as OPEC cuts output",
    "[CLS] [PAD] <s> [CLS]",
    "e" + "\u0301" * 500,
    "👩‍👩‍👧‍👦🇫🇮 👍🏽 ﷺ İ ß ς Σ ǅ ﬁ ¨ ½",
    "東京で雨が降った。試合は中止。 दिल्ली में बारिश हुई।",
    "\u202eright to left\u202c שלום \ufeff\u200b\u2028\uffff\U0010ffff",
    "word " * 3_000,
    "x" * 3_000,
]


@pytest.fixture(scope="module")
def exported(sample_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "onnx"
    export_onnx(sample_model, folder)
    return folder


def answers(folder, texts):
    """What ONNX Runtime and `tokenizers` make of the folder alone."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encodings = tokenizer.encode_batch(texts)
    inputs = {
        "input_ids": np.array([item.ids for item in encodings]),
        "attention_mask": np.array([item.attention_mask for item in encodings]),
    }
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    return softmax(session.run(None, inputs)[0])


def write(folder, files):
    write_model(folder, files, card=render_card(files), history=[])
    return folder


def bert_like():
    """A tokenizer with BERT's steps and special tokens."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "oil", "prices", "##s", "a", "[", "]", "cls"]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(words[:4])
    return TextTokenizer(tokenizer, 16)


def test_probabilities_equal_the_engines(exported, sample_model):
    expected = load(sample_model).predict_proba(TEXTS)
    assert np.ptp(expected, axis=0).min() > 0.05
    np.testing.assert_allclose(answers(exported, TEXTS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("config_class", [ModelConfig, LocalWaveConfig])
def test_with_a_tokenizer_of_others_too(make_files, tmp_path, config_class):
    files = make_files(tokenizer=bert_like(), config_class=config_class)
    export_onnx(write(tmp_path / "model", files), tmp_path / "onnx")
    expected = load(tmp_path / "model").predict_proba(TEXTS)
    np.testing.assert_allclose(answers(tmp_path / "onnx", TEXTS), expected, rtol=0, atol=1e-5)


def test_a_model_of_fasttext_gets_a_tokenizer_of_the_library(tmp_path):
    texts = [*TEXTS, "bake the\tbread </s> goal", "a</s>b", "__label__food \x0boven", "[no word]"]
    for options, tolerance in (({}, 1e-5), ({"int8": True}, 0.02)):
        export_onnx(PLACE / "softmax.bin", tmp_path / f"onnx{len(options)}", **options)
        found = answers(tmp_path / f"onnx{len(options)}", texts)
        expected = load(PLACE / "softmax.bin").predict_proba(texts)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_in_8_bits_it_loses_what_quantize_loses(sample_model, exported, tmp_path):
    summary = export_onnx(sample_model, tmp_path / "small", int8=True)
    assert summary["quantization"] == "int8"
    assert summary["size_bytes"] < 0.4 * sum(path.stat().st_size for path in exported.iterdir())
    quantize_model(sample_model, tmp_path / "int8", None, overwrite=False)
    expected = load(tmp_path / "int8").predict_proba(TEXTS)
    np.testing.assert_allclose(answers(tmp_path / "small", TEXTS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("bits", [8, 4])
def test_a_model_in_few_bits_stays_one(sample_model, tmp_path, bits):
    small = tmp_path / "small"
    quantize_model(sample_model, small, None, overwrite=False, bits=bits)
    expected = load(small).predict_proba(TEXTS)
    for number, int8 in enumerate((False, True)):
        summary = export_onnx(small, tmp_path / f"{number}", int8=int8)
        assert summary["quantization"] == f"int{bits}"
        found = answers(tmp_path / f"{number}", TEXTS)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_transformers_reads_the_tokenizer(exported, sample_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(exported)
    found = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="np")
    assert set(found) == {"input_ids", "attention_mask"}
    ids, offsets = load(sample_model).tokenizer.encode(TEXTS)
    assert found["attention_mask"].sum(axis=1).tolist() == np.diff(offsets).tolist()
    assert found["input_ids"][found["attention_mask"] == 1].tolist() == ids.tolist()


def test_the_configuration_names_the_labels(exported, sample_model):
    config = json.loads((exported / "config.json").read_text(encoding="utf-8"))
    labels = list(load(sample_model).labels)
    assert config["id2label"] == {str(index): label for index, label in enumerate(labels)}
    assert config["label2id"] == {label: index for index, label in enumerate(labels)}
    assert config["export"] == {"format": "onnx", "opset": 17, "quantization": None}


def test_an_export_is_told_from_a_model(exported):
    with pytest.raises(ModelFolderError, match="is an export: give the model folder"):
        load(exported)


def test_only_an_export_is_replaced(sample_model, make_files, tmp_path):
    model = write(tmp_path / "model", make_files())
    with pytest.raises(OutputError, match="is not an export"):
        export_onnx(sample_model, model, overwrite=True)
    load(model)
    export_onnx(sample_model, tmp_path / "onnx")
    with pytest.raises(OutputError, match="overwrite=True"):
        export_onnx(sample_model, tmp_path / "onnx")
    export_onnx(model, tmp_path / "onnx", overwrite=True)
    np.testing.assert_allclose(
        answers(tmp_path / "onnx", TEXTS), load(model).predict_proba(TEXTS), rtol=0, atol=1e-5
    )


def test_the_example_of_the_documentation_runs(exported, sample_model, tmp_path, monkeypatch):
    page = Path(__file__).resolve().parents[2] / "docs" / "exporting.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "wave-onnx").symlink_to(exported)
    monkeypatch.chdir(tmp_path)
    values = {}
    exec(example, values)
    texts = ["Oil prices jump", "A late goal wins the cup"]
    assert values["answers"] == [item.label for item in load(sample_model).predict(texts)]
