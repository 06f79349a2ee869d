from dataclasses import replace

import numpy as np
import pytest
from fitting import fit

from wave_network.config import PRESETS, get_preset
from wave_network.config.settings import customize
from wave_network.data import MultiLabel, SingleLabel, from_memory, read_splits
from wave_network.errors import ConfigError
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import size_bytes, write_model
from wave_network.tuning.space import SearchSpace, class_weights_may_help, settings

LABELS = ("Business", "Sci/Tech", "Sports", "World")
LABELLING = SingleLabel(LABELS)


@pytest.fixture(scope="module")
def sample():
    return read_splits("sample").train


def around(preset, sample, max_size=None):
    return SearchSpace.around(preset, sample, LABELLING, max_size)


@pytest.mark.parametrize("name", ["tiny", "small", "large"])
def test_without_a_limit_the_default_is_the_presets_own(sample, name):
    preset = get_preset(name)
    space = around(preset, sample)
    train = preset.train.for_texts(len(sample))
    names = ("epochs", "batch_size", "learning_rate")
    assert space.default.model == customize(preset, {}).model
    assert [getattr(space.default.train, name) for name in names] == [
        getattr(train, name) for name in names
    ]
    assert settings(space.candidate(space.default_values)) == settings(space.default)
    assert space.limit == space.size.estimate(space.default)
    for setting, distribution in space.distributions.items():
        value = space.default_values[setting]
        assert distribution.to_internal_repr(value) is not None
        assert distribution._contains(distribution.to_internal_repr(value)), setting


@pytest.mark.parametrize("limit", [300_000, 1_000_000, 30_000_000])
def test_every_candidate_fits_the_limit(sample, limit):
    space = around(get_preset("small"), sample, limit)
    largest = {
        **space.default_values,
        "hidden_size": max(space.distributions["hidden_size"].choices),
        "vocab_size": space.distributions["vocab_size"].high,
        "bigram_buckets": space.distributions["bigram_buckets"].high,
    }
    for values in (space.default_values, largest):
        estimate = space.size.estimate(space.candidate(values))
        assert estimate <= limit
    if limit < 5_000_000:  # where the limit is what counts, it is used
        assert estimate > 0.97 * limit
    else:  # what is not asked for is not shrunk, and there is room to grow
        assert space.default_values["vocab_size"] == PRESETS["small"].vocab_size
        assert space.distributions["bigram_buckets"].high > 6 * 24_593


@pytest.mark.parametrize("limit", [250_000, 900_000])
def test_the_estimate_is_about_the_folders_size_and_not_below(sample, tmp_path, limit):
    space = around(get_preset("tiny"), sample, limit)
    preset = customize(space.default, {"epochs": 1})
    fitted = fit(sample, sample, preset, preset.train)
    card = render_card(fitted.files)
    write_model(tmp_path / "model", fitted.files, card=card, history=fitted.history)
    estimate = space.size.estimate(preset)
    assert 0.95 * estimate < size_bytes(tmp_path / "model") <= estimate


def test_shrunk_tables_keep_their_proportion_and_prime_buckets(sample):
    space = around(get_preset("small"), sample, 800_000)
    values = space.default_values
    share = values["bigram_buckets"] / 24_593
    assert values["vocab_size"] == pytest.approx(share * space.size.vocabulary, rel=0.02)
    buckets = values["bigram_buckets"]
    assert all(buckets % divisor for divisor in range(2, int(buckets**0.5) + 1))


def test_hidden_sizes_that_can_never_fit_are_not_tried(sample):
    preset = get_preset("tiny")
    wide = around(preset, sample).distributions["hidden_size"].choices
    narrow = around(preset, sample, 166_000).distributions["hidden_size"].choices
    assert wide == (6, 9, 12, 18, 24)
    assert 12 in narrow
    assert set(narrow) < set(wide)


def test_no_model_is_that_small(sample):
    with pytest.raises(ConfigError, match=r"no model fits into max_size 9,000 bytes"):
        around(get_preset("tiny"), sample, 9_000)


def test_the_epochs_of_few_texts_are_those_that_are_trained(sample):
    preset = get_preset("tiny")
    space = around(replace(preset, train=replace(preset.train, min_steps=50)), sample)
    assert space.default_values["epochs"] == 6
    assert space.default.train.min_steps == 0
    assert settings(space.default)["epochs"] == space.default.train.epochs_for(len(sample))


def test_of_label_lists_no_more_tokens_are_left_out_than_training_does(sample):
    sets = from_memory(list(sample["text"]), [[label] for label in sample["label"]])
    space = SearchSpace.around(get_preset("tiny"), sets, MultiLabel(LABELS), None)
    assert space.default.train.token_dropout == 0.1
    assert space.distributions["token_dropout"].high == 0.1
    assert "class_weight" not in space.distributions
    single = around(get_preset("tiny"), sample)
    assert 0 < space.limit - single.limit < 200  # the thresholds


def test_one_label_that_a_text_may_have(sample):
    sets = from_memory(
        list(sample["text"]), [["new"] if number % 2 else [] for number in range(len(sample))]
    )
    space = SearchSpace.around(get_preset("tiny"), sets, MultiLabel(("new",)), None)
    assert space.size.estimate(space.default) == space.limit


def test_class_weights_are_searched_where_they_are_asked_for(sample):
    space = SearchSpace.around(get_preset("tiny"), sample, LABELLING, None, class_weights=True)
    assert space.distributions["class_weight"].choices == (None, "balanced")
    assert space.default_values["class_weight"] is None
    values = {**space.default_values, "class_weight": "balanced"}
    candidate = space.candidate(values)
    assert candidate.train.class_weight == "balanced"
    assert space.settings(candidate) == values
    assert space.starts == [space.default_values, values]
    without = around(get_preset("tiny"), sample)
    assert "class_weight" not in without.default_values
    assert without.starts == [without.default_values]


@pytest.mark.parametrize(
    ("metric", "sizes", "helped"),
    [
        ("macro_f1", (30, 20), True),
        ("macro_f1", (29, 20), False),
        ("accuracy", (90, 10), False),
        ("loss", (90, 10), False),
    ],
)
def test_class_weights_may_help_the_macro_f1_of_unequal_classes(metric, sizes, helped):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    classes = tuple(range(len(sizes)))
    assert class_weights_may_help(metric, labels, SingleLabel(classes)) is helped
    sets = np.eye(len(sizes), dtype=np.float32)[labels]
    assert not class_weights_may_help(metric, sets, MultiLabel(classes))
