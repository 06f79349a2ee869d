"""Several processes train as one does, on the same batches."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_training import train

from wave_network.config import LocalWaveConfig, ModelConfig, TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.registry import build_model
from wave_network.training.processes import ProcessLostError
from wave_network.training.torch_steps import shares

launched = pytest.importorskip("launched")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are forked")

CLASSES = 3


def make_texts(count, seed=0, *, soft=False, weighted=False):
    """Texts whose words tell their class."""
    random = np.random.default_rng(seed)
    classes = random.integers(CLASSES, size=count)
    rows = [
        [0, *(1 + 4 * kind + random.integers(4, size=random.integers(3, 7)))] for kind in classes
    ]
    weights = random.uniform(0.5, 1.5, count).astype(np.float32) if weighted else None
    labels = np.eye(CLASSES, dtype=np.float32)[classes] * 0.8 + 0.2 / CLASSES if soft else classes
    return PackedTexts(
        ids=np.concatenate(rows).astype(np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=labels.astype(np.float32) if soft else labels,
        weights=weights,
    )


SHAPES = {
    "paper": ModelConfig(
        labels=("x", "y", "z"), vocab_size=13, cls_token_id=0, hidden_size=8, variants="linear"
    ),
    "members": LocalWaveConfig(
        **{"labels": ("x", "y", "z"), "vocab_size": 13, "cls_token_id": 0, "hidden_size": 8},
        **{"bigram_buckets": 211, "feed_forward_size": 16, "members": 2},
    ),
}
CONFIG = TrainConfig(
    epochs=3, batch_size=16, learning_rate=0.02, token_dropout=0.2, max_grad_norm=1.0, device="cpu"
)
VALIDATION = make_texts(30, seed=1)


def largest_difference(first, second):
    return max(np.abs(first[name] - second[name]).max() for name in first)


# 97 texts: the last batch has a single one, so that with four processes three have nothing to do.
@pytest.mark.parametrize(
    ("count", "shape", "texts", "options"),
    [
        (2, "paper", {}, {}),
        (4, "paper", {}, {"micro_batch_size": 3}),
        (4, "paper", {"soft": True, "weighted": True}, {"max_grad_norm": None}),
        (2, "members", {"weighted": True}, {"label_smoothing": 0.1}),
    ],
    ids=["two", "four, accumulating", "four, soft and weighted", "two members each"],
)
def test_several_processes_train_the_weights_of_one(count, shape, texts, options):
    training, config = make_texts(97, **texts), replace(CONFIG, **options)
    alone = replace(config, micro_batch_size=None)
    expected, result, losses = launched.trained(SHAPES[shape], training, VALIDATION, alone)
    found, codes = launched.launch(
        *(count, launched.trained, SHAPES[shape], training, VALIDATION, config)
    )
    assert codes == [0] * count
    weights, of_several, seen = found
    assert largest_difference(weights, expected) <= 1e-6
    assert np.allclose(seen, losses, atol=1e-5)
    assert of_several.best_epoch == result.best_epoch
    assert of_several.validation == pytest.approx(result.validation, abs=1e-5)


@pytest.mark.parametrize("texts", [1, 2, 3, 4, 7, 64])
def test_the_shares_are_the_batch(texts):
    batch = make_texts(texts, weighted=True)
    parts = [share for share in shares(batch, 3) if share.weight]
    assert sum(share.weight for share in parts) == pytest.approx(1)
    assert max(len(share.texts) for share in parts) - min(len(s.texts) for s in parts) <= 1
    for field in ("ids", "labels", "weights"):
        joint = np.concatenate([getattr(share.texts, field) for share in parts])
        assert np.array_equal(joint, getattr(batch, field))


def test_micro_batches_are_the_mathematics_of_one_batch():
    training = make_texts(97)
    whole, _, losses = launched.trained(SHAPES["paper"], training, None, CONFIG)
    config = replace(CONFIG, micro_batch_size=5)
    parts, _, seen = launched.trained(SHAPES["paper"], training, None, config)
    assert 0 < largest_difference(whole, parts) <= 1e-6
    assert np.allclose(losses, seen, atol=1e-5)


def test_what_differs_is_rounding_alone():
    training = make_texts(97)
    whole, parts = (build_model(SHAPES["paper"], 0).double() for _ in range(2))
    train(whole, training, None, CONFIG)
    train(parts, training, None, replace(CONFIG, micro_batch_size=5))
    pairs = zip(whole.parameters(), parts.parameters(), strict=True)
    assert max(float((one - other).detach().abs().max()) for one, other in pairs) <= 1e-12


def test_an_interrupted_training_of_several_processes_goes_on_bit_for_bit(tmp_path):
    shape = replace(SHAPES["paper"], dropout=0.3)
    training = make_texts(40)
    whole, codes = launched.launch(*(2, launched.trained, shape, training, VALIDATION, CONFIG))
    assert codes == [0, 0]
    arguments = training, VALIDATION, CONFIG, tmp_path / "checkpoint"
    stopped, _ = launched.launch(2, launched.trained, shape, *arguments, 4)
    assert stopped is None
    resumed, codes = launched.launch(2, launched.trained, shape, *arguments)
    assert codes == [0, 0]
    assert len(resumed[2]) == len(whole[2])
    assert largest_difference(resumed[0], whole[0]) == 0


def test_dropout_goes_on_where_it_was(tmp_path):
    shape = replace(SHAPES["paper"], dropout=0.3)
    training = make_texts(40)
    whole, *_ = launched.trained(shape, training, None, CONFIG)
    arguments = training, None, CONFIG, tmp_path / "checkpoint"
    assert launched.trained(shape, *arguments, 4) is None
    resumed, *_ = launched.trained(shape, *arguments)
    assert largest_difference(resumed, whole) == 0


def test_a_worker_that_is_killed_ends_all():
    found, codes = launched.launch(
        3, launched.trained, SHAPES["paper"], make_texts(97), None, CONFIG, dies=1
    )
    assert isinstance(found, ProcessLostError)
    assert "another process of this training was lost" in str(found)
    assert codes == [0, -9, 1]


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_mixed_precision_learns_nearly_the_same(kind, shape):
    training = make_texts(97)
    _, full, losses = launched.trained(SHAPES[shape], training, VALIDATION, CONFIG)
    config = replace(CONFIG, mixed_precision=kind)
    weights, mixed, seen = launched.trained(SHAPES[shape], training, VALIDATION, config)
    assert all(values.dtype == np.float32 for values in weights.values())
    assert seen[0] == pytest.approx(losses[0], abs=0.01)
    assert seen != losses
    # The first steps in fp16 find the factor that its gradients need, and are left out.
    bound = 0.3 if kind == "fp16" else 0.05
    assert mixed.validation["loss"] == pytest.approx(full.validation["loss"], abs=bound)


def test_only_matrix_products_are_in_16_bits():
    network = build_model(SHAPES["paper"], 0)
    seen = []
    network.layers[0].feed_forward.register_forward_hook(
        lambda module, given, output: seen.append((given[0].dtype, output.dtype))
    )
    config = replace(CONFIG, epochs=1, mixed_precision="bf16")
    train(network, make_texts(16), None, config)
    assert seen == [(torch.float32, torch.bfloat16)]


def test_a_part_in_evaluation_mode_is_trained_with_its_dropout():
    network = build_model(SHAPES["paper"], 0)
    part = network.layers[0].feed_forward
    seen = []
    part.register_forward_hook(lambda module, *_: seen.append(module.training))
    part.eval()
    train(network, make_texts(16), None, replace(CONFIG, epochs=1))
    assert seen == [True]
