from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch_training import train

from wave_network.baselines.bag import BagOfEmbeddings
from wave_network.config import PRESETS, ModelConfig, TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError
from wave_network.models.torch_logits import predict_probabilities
from wave_network.models.wave.network import WaveNetwork

TEXTS = [[0, 5, 7, 5], [0], [0, 1, 2, 3, 4, 5, 6], [0, 22]]
SHAPES = [
    {"positions": positions, "variants": variants}
    for positions, variants in product(("none", "learned", "sinusoidal"), ("linear", "embedding"))
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape.values()))


def make_config(**options):
    defaults = {"vocab_size": 23, "cls_token_id": 0, "max_length": 12, "hidden_size": 6}
    return ModelConfig(labels=("a", "b", "c"), **{**defaults, **options})


def make_bag(**options):
    """A bag in float64 whose every parameter is random, norms and biases too."""
    torch.manual_seed(1)
    bag = BagOfEmbeddings(make_config(**options)).double()
    for parameter in bag.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter)
    return bag


def pack(texts, labels=None):
    return PackedTexts(
        ids=np.array([token for text in texts for token in text], dtype=np.int32),
        offsets=np.cumsum([0, *map(len, texts)]),
        labels=labels,
    )


def slow(bag, batch):
    """Token by token, text by text: both variants of every token, and then their means."""
    layer = bag.layers[0]
    logits = []
    for start, stop in pairwise(batch.offsets.tolist()):
        rows = bag.embedding.weight[batch.ids[start:stop]]
        if bag.positions is not None:
            rows = rows + bag.positions.weight[: stop - start]
        if layer.variants is not None:
            rows = layer.variants(rows)
        u, v = rows.chunk(2, dim=1)
        both = torch.cat([u.mean(dim=0), v.mean(dim=0)])
        hidden = F.gelu(layer.feed_forward(both), approximate="tanh")
        logits.append(bag.classifier(layer.norm(hidden)))
    return torch.stack(logits)


@every_shape
def test_equals_the_means_over_the_tokens_with_their_gradients(shape):
    bag, batch = make_bag(**shape), pack(TEXTS).to_torch()
    found, expected = bag(batch), slow(bag, batch)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    parameters = list(bag.parameters())
    ours = torch.autograd.grad(found.square().sum(), parameters)
    theirs = torch.autograd.grad(expected.square().sum(), parameters)
    for gradient, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-11)


@every_shape
def test_has_the_parameters_of_the_network_and_their_start(shape):
    torch.manual_seed(3)
    network = WaveNetwork(make_config(**shape)).state_dict()
    torch.manual_seed(3)
    bag = BagOfEmbeddings(make_config(**shape)).state_dict()
    assert list(bag) == list(network)
    assert all(torch.equal(bag[name], network[name]) for name in network)


def test_is_as_large_as_the_papers_network():
    config = make_config(**{**PRESETS["paper"].model, "vocab_size": 100})
    parameters = list(BagOfEmbeddings(config).parameters())
    beside_the_table = sum(p.numel() for p in parameters) - 100 * 768
    assert beside_the_table == 2_366_212 - 769  # with three labels in place of four


@every_shape
def test_the_answer_does_not_depend_on_the_batch(shape):
    bag = make_bag(**shape).float()
    together = predict_probabilities(bag, pack(TEXTS))
    for text, expected in zip(TEXTS, together, strict=True):
        alone = predict_probabilities(bag, pack([text]))
        np.testing.assert_allclose(alone[0], expected, atol=1e-6)


def test_learns_by_the_training_loop():
    random = np.random.default_rng(0)
    labels = random.integers(3, size=96)
    # A text's class is told by most of its words, whichever places they are in.
    words = [random.integers(1, 22, size=9) // 3 * 3 + 1 for _ in labels]
    texts = [
        [0, *np.where(random.random(9) < 0.7, kind + 1, row)]
        for kind, row in zip(labels, words, strict=True)
    ]
    torch.manual_seed(0)
    bag = BagOfEmbeddings(make_config(positions="sinusoidal", variants="linear"))
    config = TrainConfig(
        epochs=12, batch_size=16, learning_rate=0.02, token_dropout=0.0, device="cpu"
    )
    result = train(bag, pack(texts, labels), pack(texts, labels), config)
    assert result.validation["accuracy"] > 0.9


@pytest.mark.parametrize("shape", [{"readout": "magnitude"}, {"num_layers": 2}])
def test_refuses_shapes_it_is_no_control_of(shape):
    with pytest.raises(ConfigError, match="one layer"):
        BagOfEmbeddings(make_config(variants="linear", **shape))
