"""`inspect`: the picture, the numbers, and what bad input gets."""

import json
import struct
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from wave_network.ops import naive
from wave_network.runtime import load

TEXT = "a red heron and a blue cat"


def png_size(path):
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content[12:16] == b"IHDR"
    return struct.unpack(">II", content[16:24])


def test_a_picture_is_drawn_and_the_prediction_is_printed(invoke, tiny_model, tmp_path):
    ended = invoke("inspect", tiny_model, TEXT)
    assert (ended.code, ended.err) == (0, "")
    (prediction,) = load(tiny_model).predict([TEXT])
    tokens = len(load(tiny_model).waves(TEXT)[0])
    assert ended.out.splitlines() == [
        f"prediction  {prediction.label} ({prediction.score:.4f})",
        f"drawn       waves.png (all {tokens} tokens in the 12 strongest dimensions)",
    ]
    width, height = png_size(tmp_path / "waves.png")
    assert 1_200 <= width <= 2_400
    assert 600 <= height <= 2_400
    assert [path.name for path in tmp_path.iterdir()] == ["waves.png"]


def test_the_picture_takes_the_kind_of_its_name(invoke, tiny_model, tmp_path):
    assert invoke("inspect", tiny_model, TEXT, "--output", "in/a/w.SVG").code == 0
    assert ElementTree.parse(tmp_path / "in" / "a" / "w.SVG").getroot().tag.endswith("svg")
    assert invoke("inspect", tiny_model, TEXT, "--output", "w.pdf").code == 0
    assert (tmp_path / "w.pdf").read_bytes().startswith(b"%PDF-")


def test_the_numbers_are_those_of_the_papers_formulas(invoke, tiny_model, tmp_path):
    ended = invoke("inspect", tiny_model, TEXT, "--json")
    assert (ended.code, ended.err) == (0, "")
    (found,) = ended.lines
    assert not list(tmp_path.iterdir())
    engine = load(tiny_model)
    (prediction,) = engine.predict([TEXT])
    assert (found["text"], found["label"]) == (TEXT, prediction.label)
    assert found["score"] == pytest.approx(prediction.score, abs=1e-6)
    tokens, first, second = engine.waves(TEXT)
    assert found["tokens"] == tokens
    waves = []
    for name, wave in (("first", first), ("second", second)):
        w = torch.from_numpy(wave.real[:, found["dimensions"]]).double()
        expected = naive.represent(w)
        waves.append(expected)
        np.testing.assert_allclose(found[name]["real"], w, rtol=1e-6)
        np.testing.assert_allclose(found[name]["imag"], expected.imag, rtol=1e-4)
        np.testing.assert_allclose(found[name]["magnitude"], expected.abs(), rtol=1e-4)
        np.testing.assert_allclose(found[name]["phase"], expected.angle(), rtol=1e-4)
    term = naive.interference_term(*waves)
    np.testing.assert_allclose(found["interference_term"], term, rtol=1e-4, atol=1e-7)


def test_numbers_and_picture_can_be_had_at_once(invoke, tiny_model, tmp_path):
    ended = invoke("inspect", tiny_model, TEXT, "--json", "--output", "w.png")
    assert json.loads(ended.out)["text"] == TEXT
    assert png_size(tmp_path / "w.png")


def test_an_existing_picture_is_replaced_only_if_asked(invoke, tiny_model, tmp_path):
    (tmp_path / "waves.png").write_text("mine")
    message = invoke("inspect", tiny_model, TEXT).message
    assert "waves.png exists" in message
    assert (tmp_path / "waves.png").read_text() == "mine"
    assert invoke("inspect", tiny_model, TEXT, "--overwrite").code == 0
    assert png_size(tmp_path / "waves.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", TEXT], "nowhere does not exist"),
        (["{model}", TEXT, "--output", "w.jpg"], ".png, .svg, .pdf"),
        (["{model}", TEXT, "--output", "waves"], ".png, .svg, .pdf"),
        (["{model}", "\udcff"], "not UTF-8"),
        (["{model}"], "TEXT"),
        (["{model}", TEXT, "more"], "more"),
    ],
)
def test_bad_input_gets_one_line(invoke, tiny_model, tmp_path, arguments, said):
    filled = [argument.format(model=tiny_model) for argument in arguments]
    assert said in invoke("inspect", *filled).message
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_numbers_are_there_and_the_picture_names_its_extra(
    invoke, tiny_model, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "wave-network[papers]" in invoke("inspect", tiny_model, TEXT).message
    assert invoke("inspect", tiny_model, TEXT, "--json").code == 0


def test_torch_is_not_needed(wave, tiny_model, tmp_path):
    # A folder on the path that fails in torch's name stands for its absence.
    for name in ("torch", "datasets", "sklearn"):
        (tmp_path / "path" / name).mkdir(parents=True)
        (tmp_path / "path" / name / "__init__.py").write_text("raise ModuleNotFoundError(__name__)")
    ended = wave("inspect", tiny_model, TEXT, env={"PYTHONPATH": str(tmp_path / "path")})
    assert (ended.code, ended.err) == (0, "")
    assert png_size(tmp_path / "waves.png")
