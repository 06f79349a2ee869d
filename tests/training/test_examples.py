"""How many examples are held out."""

import numpy as np
import pytest

from wave_network.config import get_preset, override
from wave_network.data import SingleLabel, TrainingData, from_memory
from wave_network.training import examples
from wave_network.training.callbacks import SILENT
from wave_network.training.examples import split_examples
from wave_network.training.interrupt import StopSignal
from wave_network.training.recipe import Recipe, Run


@pytest.fixture
def data():
    labels = np.repeat(np.arange(40), 20)
    return TrainingData(from_memory([f"text {number}" for number in range(800)], labels))


def test_with_many_classes_fewer_texts_are_held_out_and_none_is_lost(data, monkeypatch):
    monkeypatch.setattr(examples, "_MOST_LOGITS", 30 * 40)
    preset = get_preset("tiny")
    run = Run(Recipe(preset, preset.train), SingleLabel.learn(range(40)), SILENT, StopSignal())
    split = split_examples(data, run)
    ((kept, held_out),) = split.parts
    assert (len(kept), len(held_out)) == (770, 30)
    assert len({*kept, *held_out}) == 800
    classes = split.everything.targets[held_out]
    assert len(set(classes.tolist())) == 30  # of all parts of the labels' order


@pytest.mark.parametrize(("given", "epochs"), [(None, 1), (3, 3)])
def test_epochs_are_bounded_unless_they_were_given(data, monkeypatch, given, epochs):
    monkeypatch.setattr("wave_network.training.recipe._MOST_LOGITS", 1)
    preset = get_preset("tiny")
    recipe = Recipe(preset, override(preset.train, epochs=given))
    suited = recipe.suited_to(data, SingleLabel.learn(range(40)))
    assert suited.config.epochs == epochs
