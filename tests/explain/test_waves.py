"""The numbers and the picture of a text's waves, against the formulas as the paper prints them."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from wave_network.config import LocalWaveConfig
from wave_network.errors import DataError
from wave_network.explain.figure import render
from wave_network.explain.waves import (
    DIMENSIONS,
    TOKENS_DRAWN,
    draw_waves,
    energy_shares,
    inspect_text,
    picture_title,
    shown_of,
)
from wave_network.models.numpy_ops import magnitude
from wave_network.models.registry import build_model
from wave_network.ops import naive
from wave_network.runtime import Engine, Prediction

TEXT = "Oil prices jump as OPEC cuts its output again."
SHAPES = {
    "the papers'": {"variants": "linear", "positions": "sinusoidal", "hidden_size": 24},
    "interference, no positions": {
        "variants": "linear",
        "operation": "interference",
        "positions": "none",
    },
    "variants in the table": {"variants": "embedding", "positions": "none", "hidden_size": 20},
    "learned positions, magnitude": {"positions": "learned", "readout": "magnitude"},
    "three layers, mean": {"variants": "linear", "num_layers": 3, "pooling": "mean"},
    "local, three members": {"config_class": LocalWaveConfig, "members": 3},
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def files(request, make_files):
    return make_files(**request.param)


def variants_by_torch(files, text):
    """U and v of a text's tokens from the training model's own layers, (tokens, hidden) each."""
    model = build_model(files.config)
    model.load_state_dict({k: torch.from_numpy(v) for k, v in files.tensors.items()})
    ids = torch.from_numpy(files.tokenizer.encode([text]).ids.copy())
    rows = model.embedding(ids).detach()
    if isinstance(files.config, LocalWaveConfig):
        return rows.double().chunk(2, dim=1)
    if model.positions is not None:
        rows = rows + model.positions.weight[: len(ids)]
    with torch.no_grad():
        variants, _ = model.layers[0].variants_of(rows, None)
    return variants.double().chunk(2, dim=1)


def test_the_waves_are_the_papers_of_the_models_variants(files):
    _, waves = inspect_text(Engine(files), TEXT)
    u, v = (half[:, waves.dimensions] for half in variants_by_torch(files, TEXT))
    arrays = waves.arrays()
    expected = [naive.represent(u), naive.represent(v)]
    for name, variant, wave in zip(("first", "second"), (u, v), expected, strict=True):
        found = {part: torch.tensor(values) for part, values in arrays[name].items()}
        close = partial(torch.testing.assert_close, check_dtype=False, rtol=1e-4, atol=1e-5)
        close(found["real"], variant)
        close(found["imag"], wave.imag)
        close(found["magnitude"], naive.global_semantics(variant).expand_as(variant))
        close(found["phase"], naive.phase(variant))
        share = energy_shares(getattr(waves, name))
        np.testing.assert_allclose(share.sum(axis=0), 1, rtol=1e-5)
    close(torch.tensor(arrays["interference_term"]), naive.interference_term(*expected))


def test_the_dimensions_are_the_strongest_and_in_order(files):
    engine = Engine(files)
    _, waves = inspect_text(engine, TEXT)
    _, first, second = engine.waves(TEXT)
    strength = magnitude(first)[0] * magnitude(second)[0]
    width = files.config.hidden_size * getattr(files.config, "members", 1)
    assert len(waves.dimensions) == min(DIMENSIONS, width)
    chosen = strength[waves.dimensions]
    assert (np.diff(chosen) <= 0).all()
    assert chosen.min() >= np.delete(strength, waves.dimensions).max(initial=0)


def test_the_prediction_and_the_tokens_are_the_engines(files):
    engine = Engine(files)
    prediction, waves = inspect_text(engine, TEXT)
    assert prediction == engine.predict([TEXT])[0]
    ids = engine.tokenizer.encode([TEXT]).ids
    assert waves.tokens == engine.tokenizer.tokens(ids)
    assert waves.tokens[0] == "[CLS]"
    assert waves.first.real.shape == waves.second.imag.shape == (len(ids), len(waves.dimensions))


def test_a_wave_of_sentences_has_a_magnitude_for_each(make_files):
    engine = Engine(make_files(levels=("sentence", "input")))
    _, waves = inspect_text(engine, "Oil is up. Gas is down. We wait.")
    first, second = (magnitude(wave)[:, 0] for wave in (waves.first, waves.second))
    assert len(np.unique(first.round(4))) == 3
    np.testing.assert_allclose(second, second[0], rtol=1e-5)
    render(partial(draw_waves, waves=waves), "svg")


def test_the_picture_shows_what_it_says(files):
    _, waves = inspect_text(Engine(files), TEXT)
    figure = Figure(layout="constrained")
    draw_waves(figure, waves, "A title")
    assert figure.get_suptitle() == "A title"
    shapes = [image.get_array().shape for axes in figure.axes for image in axes.get_images()]
    assert shapes == [(len(waves.tokens), len(waves.dimensions))] * 4
    titles = " ".join(axes.get_title() for axes in figure.axes)
    assert all(f"dimension {number}" in titles for number in waves.dimensions[:4])
    caption = figure.get_supxlabel()
    assert f"All {len(waves.tokens)} tokens in the {len(waves.dimensions)}" in caption


def test_of_a_long_text_the_first_tokens_are_drawn_and_this_is_said(make_files, small_tokenizer):
    from wave_network.text import TextTokenizer

    long = TextTokenizer(small_tokenizer._tokenizer, 200)
    _, waves = inspect_text(Engine(make_files(tokenizer=long)), "oil " * 150)
    assert len(waves.tokens) > TOKENS_DRAWN
    assert shown_of(waves).startswith(f"the first {TOKENS_DRAWN} of {len(waves.tokens)} tokens")
    figure = Figure(layout="constrained")
    draw_waves(figure, waves)
    images = [image for axes in figure.axes for image in axes.get_images()]
    assert {image.get_array().shape[0] for image in images} == {TOKENS_DRAWN}


@pytest.mark.parametrize("text", ["", " ", "$x$ $", "日本語", "a\n\tb\0", "\ud83d", "--"])
def test_any_text_can_be_drawn(make_files, text):
    prediction, waves = inspect_text(Engine(make_files()), text)
    assert np.isfinite(np.stack([*waves.first, *waves.second])).all()
    title = picture_title(text, prediction)
    render(partial(draw_waves, waves=waves, title=title), "svg").decode()


def test_a_dead_dimension_has_no_energy_and_phase_zero(make_files):
    files = make_files(variants="embedding", positions="none")
    files.tensors["embedding.weight"][:] = 0
    _, waves = inspect_text(Engine(files), TEXT)
    assert (energy_shares(waves.first) == 0).all()
    assert np.array(waves.arrays()["first"]["phase"]).max() == 0
    render(partial(draw_waves, waves=waves), "svg")


def test_the_title_is_one_short_line_of_text_and_the_prediction():
    world = Prediction("World", 0.987, {"World": 0.987, "Sports": 0.013}, ("World",))
    assert picture_title(" a\nb ", world) == "a·b\nWorld (98.7%)"
    assert len(picture_title("word " * 1_000, world).splitlines()[0]) == 120


def test_the_title_names_all_labels_of_a_multi_label_prediction():
    scores = {3: 0.9, 7: 0.6, 5: 0.1}
    assert picture_title("a", Prediction(3, 0.9, scores, (3, 7))) == "a\n3 (90.0%), 7 (60.0%)"
    assert picture_title("a", Prediction(None, 0.9, scores, ())) == "a\nno label"
    many = {f"label {number}": 0.5 for number in range(100)}
    line = picture_title("a", Prediction("label 0", 0.5, many, tuple(many))).splitlines()[1]
    assert len(line) == 120


def test_what_is_no_text_is_refused(make_files):
    with pytest.raises(DataError, match="int"):
        inspect_text(Engine(make_files()), 3)


def test_the_numbers_are_json(make_files):
    _, waves = inspect_text(Engine(make_files()), TEXT)
    arrays = waves.arrays()
    assert json.loads(json.dumps(arrays)) == arrays


def test_neither_numbers_nor_picture_load_torch():
    code = """
import sys
sys.modules["torch"] = sys.modules["datasets"] = None
import wave_network.explain.waves
from wave_network.explain.figure import render
assert render(lambda figure: None, "png")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
