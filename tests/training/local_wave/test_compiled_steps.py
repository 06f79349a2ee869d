"""The compiled training steps against torch's."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from native import native_hidden, needs_native
from torch_training import train

from wave_network import _native
from wave_network.config import LocalWaveConfig, TrainConfig
from wave_network.data import labelling_of
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.training import loop
from wave_network.training.local_wave.array_model import ArrayModel
from wave_network.training.local_wave.compiled_steps import CompiledSteps

VOCABULARY = 29


def make_texts(count=57, classes=3, seed=0):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 12, size=count)
    ids = random.integers(VOCABULARY, size=lengths.sum()).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return PackedTexts(ids, offsets, random.integers(classes, size=count))


def make_model(classes=3, **options):
    torch.manual_seed(1)
    several = options.pop("several", False)
    defaults = {"hidden_size": 5, "bigram_buckets": 31, "bigram_size": 3, "feed_forward_size": 7}
    config = LocalWaveConfig(
        labels=tuple(range(classes)),
        vocab_size=VOCABULARY,
        cls_token_id=0,
        problem_type=f"{'multi' if several else 'single'}_label_classification",
        initializer_range=0.5,
        **{**defaults, **options},
    )
    model = LocalWaveNetwork(config)
    torch.nn.init.normal_(model.bigrams.weight, std=0.1)
    return model


def make_config(**options):
    defaults = {
        "epochs": 3,
        "batch_size": 20,
        "learning_rate": 0.01,
        "embedding_epsilon": 1e-3,
        "max_grad_norm": None,
        "token_dropout": 0.3,
        "device": "cpu",
    }
    return TrainConfig(**{**defaults, **options})


def arrays_of(network):
    """The model of arrays with the weights of a torch network."""
    tensors = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    return ArrayModel(network.config, tensors)


def with_soft_labels(texts, classes=3):
    drawn = np.random.default_rng(3).dirichlet(np.ones(classes), len(texts)).astype(np.float32)
    return replace(texts, labels=drawn)


def with_label_lists(texts, classes=3):
    drawn = np.random.default_rng(3).random((len(texts), classes)) < 0.4
    return replace(texts, labels=drawn.astype(np.float32))


def with_weights(texts):
    drawn = np.random.default_rng(4).random(len(texts)).astype(np.float32)
    return replace(texts, weights=drawn / drawn.mean())


TEXTS = make_texts()
CASES = {
    "plain": (TEXTS, {}, {}),
    "no tokens left out": (TEXTS, {"token_dropout": 0.0}, {}),
    "interference": (TEXTS, {}, {"operation": "interference"}),
    "smoothed": (TEXTS, {"label_smoothing": 0.2}, {}),
    "decaying": (TEXTS, {"weight_decay": 0.5, "schedule": "constant", "warmup": 0.0}, {}),
    "weighted": (with_weights(TEXTS), {}, {}),
    "soft labels": (with_soft_labels(TEXTS), {"label_smoothing": 0.1}, {}),
    "softened": (with_soft_labels(TEXTS), {"teacher": "any", "distillation_temperature": 3.0}, {}),
    "several labels": (with_label_lists(TEXTS), {"label_smoothing": 0.1}, {"several": True}),
    "weighted sets": (with_weights(with_label_lists(TEXTS)), {}, {"several": True}),
    "many classes": (make_texts(classes=19), {}, {"classes": 19}),
    "hundreds of classes": (make_texts(classes=300), {}, {"classes": 300}),
    "wide": (TEXTS, {"batch_size": 16}, {"hidden_size": 16, "feed_forward_size": 64}),
    "narrow": (TEXTS, {}, {"hidden_size": 1, "bigram_size": 1, "feed_forward_size": 2}),
    "members": (TEXTS, {}, {"members": 3}),
    "members that may say several labels": (
        with_weights(with_label_lists(TEXTS)),
        {},
        {"members": 2, "several": True},
    ),
    "members with soft labels": (with_soft_labels(TEXTS), {}, {"members": 2, "bigram_size": 4}),
    "one batch": (TEXTS, {"batch_size": 500}, {}),
}


@needs_native
@pytest.mark.parametrize("case", CASES)
def test_they_learn_what_torch_learns(case):
    texts, training, shape = CASES[case]
    config, network = make_config(**training), make_model(**shape)
    start, model = deepcopy(network.state_dict()), arrays_of(network)
    labelling = labelling_of(model.config)
    history = loop.train(model, texts, texts, config, labelling=labelling).history
    with native_hidden():
        expected = train(network, texts, texts, config, labelling=labelling).history
    for ours, theirs in zip(history, expected, strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-5)
        assert ours["train_accuracy"] == theirs["train_accuracy"]
        assert ours["learning_rate"] == pytest.approx(theirs["learning_rate"], rel=1e-12)
        assert ours["validation"] == pytest.approx(theirs["validation"], rel=1e-3, abs=1e-5)
    for name, value in network.state_dict().items():
        assert not torch.equal(value, start[name]), name
        np.testing.assert_allclose(model.tensors[name], value, rtol=1e-4, atol=2e-5)


@needs_native
def test_a_step_changes_every_tensor_of_the_model():
    model = arrays_of(make_model())
    steps = CompiledSteps(model, TEXTS, make_config(), 3)
    before = {name: value.copy() for name, value in model.tensors.items()}
    loss, right = steps.take(np.arange(20), np.random.default_rng(0))
    assert loss > 0
    assert 0 <= right <= 20
    for name, value in model.tensors.items():
        assert not np.array_equal(value, before[name]), name


def broken(**changes):
    """Arguments of a step, some of them replaced."""
    steps = CompiledSteps(arrays_of(make_model()), TEXTS, make_config(), 3)
    values = {
        **steps._fixed,
        "chosen": np.arange(4),
        "chances": np.zeros(int(TEXTS.offsets[4]), np.float32),
        **steps._adam_numbers(),
        "threads": 2,
    }
    return {**values, **changes}


@needs_native
def test_a_step_that_is_described_well_is_taken():
    loss, right = _native.compiled.train_step(**broken())
    assert loss > 0
    assert 0 <= right <= 4


@needs_native
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chosen": np.array([57])}, "chosen text"),
        ({"chosen": np.array([-1])}, "chosen text"),
        ({"offsets": TEXTS.offsets[::-1].copy()}, "chosen text"),
        ({"ids": TEXTS.ids[:9]}, "chosen text"),
        ({"offsets": TEXTS.offsets[:-1]}, "do not belong together"),
        ({"ids": TEXTS.ids + VOCABULARY}, "outside the vocabulary"),
        ({"ids": TEXTS.ids - VOCABULARY}, "outside the vocabulary"),
        ({"classes": TEXTS.labels + 3}, "outside the classes"),
        ({"classes": TEXTS.labels - 3}, "outside the classes"),
        ({"classes": TEXTS.labels[:-1]}, "do not belong together"),
        ({"classes": TEXTS.labels[:0]}, "do not belong together"),
        ({"classes": None}, "do not belong together"),
        ({"targets": np.zeros((57, 3), np.float32)}, "do not belong together"),
        ({"classes": None, "targets": np.zeros((57, 2), np.float32)}, "do not belong together"),
        ({"multi_label": True}, "do not belong together"),
        ({"hidden": 8}, "do not belong together"),
        ({"hidden": 2**62}, "out of range"),
        ({"labels": 2**62}, "out of range"),
        ({"labels": 2**70}, "out of range"),
        ({"labels": 0}, "out of range"),
        ({"weights": np.ones(3, np.float32)}, "do not belong together"),
        ({"chances": np.zeros(3, np.float32)}, "number of chances"),
        ({"embedding_mean": np.zeros((VOCABULARY - 1, 10), np.float32)}, "do not belong together"),
        ({"bigrams": np.zeros((31, 4), np.float32)}, "do not belong together"),
        ({"heads": np.zeros(5, np.float32)}, "do not belong together"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        _native.compiled.train_step(**broken(**changes))


@needs_native
def test_arrays_of_other_types_are_refused():
    with pytest.raises(TypeError, match="expected an array"):
        _native.compiled.train_step(**broken(ids=TEXTS.ids.astype(np.int64)))
    arguments = broken()
    del arguments["heads_mean"]
    with pytest.raises(TypeError, match="heads_mean"):
        _native.compiled.train_step(**arguments)


@needs_native
def test_moments_that_share_memory_are_refused():
    arguments = broken()
    with pytest.raises(ValueError, match="share memory"):
        _native.compiled.train_step(**{**arguments, "heads_mean": arguments["heads_square"]})
