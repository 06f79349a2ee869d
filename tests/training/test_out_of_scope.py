import pydoc_data.topics
import random
import re
from dataclasses import replace

import numpy as np
import pytest
from fitting import fit

from wave_network.config import get_preset
from wave_network.data import read_splits
from wave_network.data.memory import from_memory, texts_from_memory
from wave_network.errors import DataError
from wave_network.runtime import Engine
from wave_network.training.continual import continued_preset
from wave_network.training.out_of_scope import _short_texts

OTHERS = [
    paragraph.replace("\n", " ")
    for topic in pydoc_data.topics.topics.values()
    for paragraph in re.split(r"\n\s*\n", topic)
    if len(paragraph) > 150
]
random.Random(0).shuffle(OTHERS)
QUICK = {"epochs": 2, "min_steps": 30, "refit": False, "device": "cpu"}
SMALLER = {"shape": {"hidden_size": 32}, "epochs": 8, "learning_rate": 5e-3}
BACKGROUND, UNKNOWN = OTHERS[:600], OTHERS[600:1_000]


def trained(
    name="small", validation=None, rows=None, labels=None, background=None, shape=None, **options
):
    preset = get_preset(name)
    rows = rows if rows is not None else read_splits("sample").train
    if labels is not None:
        rows = from_memory(rows["text"][:], labels)
    given = None if background is None else texts_from_memory(background)
    config = replace(preset.train, **{**QUICK, **options})
    return fit(rows, validation, preset, config, background=given, model_options=shape or {}).files


@pytest.fixture(scope="module")
def known():
    return read_splits("sample").test["text"][:]


def scores(files, texts):
    return np.array([item.out_of_scope for item in Engine(files).predict(texts, out_of_scope=True)])


def auroc(known, unknown):
    return (known[:, None] < unknown).mean() + (known[:, None] == unknown).mean() / 2


@pytest.mark.parametrize(
    ("name", "options"),
    [("tiny", {}), ("small", {"refit": True}), ("paper", SMALLER), ("large", {})],
)
def test_texts_of_another_kind_are_more_unusual_in_every_preset(name, options, known):
    files = trained(name, **options)
    usual, unusual = scores(files, known), scores(files, UNKNOWN)
    assert auroc(usual, unusual) > 0.85
    assert (usual > 0.95).mean() < 0.15
    assert (unusual > 0.95).mean() > 0.5


def test_of_multi_label_models_too(known):
    texts, labels = (read_splits("sample").train[name] for name in ("text", "label"))
    labels = [
        [label, "oil"] if "oil" in text else [label]
        for text, label in zip(texts, labels, strict=True)
    ]
    files = trained("tiny", labels=labels)
    assert auroc(scores(files, known), scores(files, UNKNOWN)) > 0.9


def test_background_texts_help(known):
    found = []
    for background in (None, BACKGROUND):
        files = trained("tiny", background=background)
        found.append((scores(files, UNKNOWN) > 0.95).mean())
        assert (files.out_of_scope.background is None) == (background is None)
    assert found[1] > max(found[0], 0.95)


def test_it_changes_no_weights_and_is_the_same_each_time():
    plain, again, informed = (trained("tiny", background=item) for item in (None, None, BACKGROUND))
    for name, tensor in plain.tensors.items():
        np.testing.assert_array_equal(informed.tensors[name], tensor)
    first, second = plain.out_of_scope.to_tensors(), again.out_of_scope.to_tensors()
    assert {name: value.tobytes() for name, value in first.items()} == {
        name: value.tobytes() for name, value in second.items()
    }


def test_a_continued_model_knows_the_texts_of_both_trainings(known):
    base = trained("tiny", background=BACKGROUND)
    preset = continued_preset(base, None, {}, None)
    config = replace(preset.train, epochs=1, min_steps=5, device="cpu")
    rows = from_memory(UNKNOWN, ["Python"] * 200 + ["World"] * 200)
    files = fit(rows, None, preset, config, base=base).files
    assert (files.out_of_scope.pairs >= base.out_of_scope.pairs).all()
    assert (files.out_of_scope.pairs > base.out_of_scope.pairs).any()
    np.testing.assert_array_equal(files.out_of_scope.background, base.out_of_scope.background)
    older = replace(base, out_of_scope=None)
    assert fit(rows, None, preset, config, base=older).files.out_of_scope is not None


def test_with_few_held_out_texts_there_is_no_score():
    rows = read_splits("sample").train.select(range(100))
    assert trained("tiny", rows=rows).out_of_scope is None
    validation = read_splits("sample").train.select(range(100, 120))
    assert trained("tiny", validation, rows).out_of_scope is not None


def test_no_background_texts_are_refused():
    with pytest.raises(DataError, match=r"no background texts.*leave background out"):
        trained("tiny", background=[])


def test_short_texts_are_of_all_lengths_and_end_with_words():
    texts = [f"{'word ' * 200}number {number}" for number in range(300)] + ["", "彗" * 100, "a"]
    found = _short_texts(texts_from_memory(texts))
    assert len(found) == 4 * len(texts)
    sizes = np.array([len(text) for text in found[:1_200]])
    assert [(sizes < limit).mean().round(1) for limit in (10, 100, 1_000)] == [0.3, 0.7, 1.0]
    assert {text.split(" ")[-1] for text in found[:1_200]} <= {"word", "number", "", "wor", "0"}
    assert {len(text) for text in found[1_200:1_204]} == {0}
    assert all(0 < len(text) <= 100 for text in found[1_204:1_208])
