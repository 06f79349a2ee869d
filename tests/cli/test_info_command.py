import json
from dataclasses import replace

import pytest

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import read_model, size_bytes, write_model


def test_the_json_describes_the_whole_model(wave, tiny_model):
    ended = wave("info", tiny_model, "--json")
    assert (ended.code, ended.err) == (0, "")
    (described,) = ended.lines
    files = read_model(tiny_model)
    assert described == {
        "model": str(tiny_model),
        "preset": "tiny",
        "labels": ["animal", "colour"],
        "parameters": parameter_counts(files.config),
        "quantized": False,
        "table_bits": 32,
        "size_bytes": size_bytes(tiny_model),
        "config": files.config.to_dict(),
        "training": json.loads((tiny_model / "config.json").read_text("utf-8"))["training"],
        "metrics": json.loads((tiny_model / "metrics.json").read_text("utf-8")),
        "compiled_code": _native.description(),
    }


def test_people_get_a_line_for_each_fact(invoke, tiny_model):
    ended = invoke("info", tiny_model)
    assert (ended.code, ended.err) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    counts = parameter_counts(read_model(tiny_model).config)
    assert list(facts) == [
        "model",
        "preset",
        "shape",
        "vocabulary",
        "parameters",
        "precision",
        "compiled",
        "labels",
        "validation",
    ]
    assert facts["preset"] == "tiny"
    assert facts["labels"] == "animal, colour"
    assert facts["parameters"].startswith(f"{counts['total']:,} ")
    assert facts["validation"] == "accuracy 1.0000, macro F1 1.0000"


@pytest.mark.parametrize(
    ("bits", "precision"), [(32, "32-bit"), (8, "8-bit tables"), (4, "4-bit tables")]
)
def test_the_tables_bits_are_told(invoke, make_files, tmp_path, bits, precision):
    files = replace(make_files(), table_bits=bits)
    write_model(tmp_path / "model", files, card="", history=[])
    facts = dict(line.split(maxsplit=1) for line in invoke("info", "model").out.splitlines())
    assert facts["precision"] == precision
    (described,) = invoke("info", "model", "--json").lines
    assert (described["quantized"], described["table_bits"]) == (bits < 32, bits)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (
            {"num_layers": 2, "variants": "linear"},
            "2 layer(s), 8 wide, modulation, cls pooling, concat read-out",
        ),
        (
            {"config_class": LocalWaveConfig, "operation": "interference"},
            "8 wide, local interference, 211 buckets of token pairs",
        ),
        (
            {"config_class": LocalWaveConfig, "members": 3, "bigram_buckets": 1_009},
            "3 members, each 8 wide, local modulation, 1,009 buckets of token pairs",
        ),
    ],
    ids=["wave", "local", "members"],
)
def test_the_shape_is_told_in_the_architectures_own_words(
    invoke, make_files, tmp_path, options, shape
):
    files = make_files(**options)
    write_model(tmp_path / "model", files, card="", history=[])
    ended = invoke("info", "model")
    assert (ended.code, ended.err) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    assert facts["shape"] == shape
    counts = parameter_counts(files.config)
    assert facts["parameters"] == (
        f"{counts['total']:,} ({counts['embedding']:,} of them embeddings)"
    )


def test_a_model_without_its_history_and_figures_is_still_described(invoke, tiny_model, tmp_path):
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes((tiny_model / name).read_bytes())
    ended = invoke("info", folder)
    assert ended.code == 0
    assert "validation" not in ended.out
    assert invoke("info", folder, "--json").lines[0]["metrics"] == {}
