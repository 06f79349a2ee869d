import math
from dataclasses import replace
from itertools import chain, product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from batch_checks import assert_batch_does_not_matter
from torch import nn

from wave_network.config import PRESETS, ModelConfig
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError
from wave_network.models.tensors import parameter_counts, tensor_shapes
from wave_network.models.wave.network import WaveNetwork
from wave_network.models.wave.positions import sinusoidal_positions
from wave_network.ops import naive

VOCABULARY = 23
LABELS = ("a", "b", "c")
SHAPES = [
    {
        "operation": operation,
        "readout": readout,
        "pooling": pooling,
        "positions": positions,
        "variants": variants,
        "num_layers": layers,
        "levels": (level, "input"),
    }
    for operation, readout, pooling, positions, (variants, layers), level in product(
        ("modulation", "interference"),
        ("concat", "magnitude", "real", "imaginary"),
        ("cls", "mean"),
        ("none", "learned", "sinusoidal"),
        (("embedding", 1), ("linear", 1), ("linear", 3)),
        ("input", "sentence"),
    )
]
PATHS = [s for s in SHAPES if (s["operation"], s["readout"]) == ("modulation", "concat")]
# Texts of sentences of token ids. With three tokens and more the papers' formulas are regular.
TEXTS = [
    [[0, 5, 7, 5], [9, 9, 3]],
    [[0, 1, 2]],
    [[0, 22, 21], [20, 19, 18, 17], [16, 15, 14, 13]],
]
# Where they are not: `[CLS]` alone (an empty text), one token more, a sentence of one token, a
# text of one token again and again.
SINGULAR_TEXTS = [[[0]], [[0, 5]], [[0], [7], [7]], [[0, 0, 0]], [[0, 4, 4, 4], [4]]]


def name_of(shape):
    return "-".join(map(str, [*list(shape.values())[:-1], shape["levels"][0]]))


every_shape = pytest.mark.parametrize("shape", SHAPES, ids=name_of)
every_path = pytest.mark.parametrize("shape", PATHS, ids=name_of)


def make_config(**options):
    defaults = {
        "labels": LABELS,
        "vocab_size": VOCABULARY,
        "cls_token_id": 0,
        "max_length": 16,
        "hidden_size": 6,
        "initializer_range": 0.5,
    }
    return ModelConfig(**{**defaults, **options})


def make_model(**options):
    """A model in float64 whose every parameter is random, norms and biases too."""
    torch.manual_seed(1)
    model = WaveNetwork(make_config(**options)).double()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter)
    return model


def pack(texts):
    sentences = [sentence for text in texts for sentence in text]
    lengths = [sum(map(len, text)) for text in texts]
    return PackedTexts(
        ids=np.array(list(chain.from_iterable(sentences)), dtype=np.int32),
        offsets=np.cumsum([0, *lengths]),
        sentences=np.repeat(np.arange(len(sentences)), list(map(len, sentences))).astype(np.int32),
    )


def reference(model, texts):
    """The logits by the papers' formulas in complex arithmetic, text by text."""
    config, weights = model.config, dict(model.named_parameters())
    return torch.stack([_reference_text(config, weights, text) for text in texts])


def _reference_text(config, weights, text):
    ids = torch.tensor(list(chain.from_iterable(text)))
    hidden = weights["embedding.weight"][ids]
    if config.positions == "learned":
        hidden = hidden + weights["positions.weight"][: len(ids)]
    if config.positions == "sinusoidal":
        table = sinusoidal_positions(len(ids), hidden.shape[1], config.initializer_range)
        hidden = hidden + torch.from_numpy(table)
    for layer in range(config.num_layers):
        own = SimpleNamespace(
            **{
                name.removeprefix(f"layers.{layer}.").replace(".", "_"): weight
                for name, weight in weights.items()
            }
        )
        mixed = _reference_layer(config, own, hidden, list(map(len, text)))
        hidden = mixed if config.num_layers == 1 else hidden + mixed
    pooled = hidden[0] if config.pooling == "cls" else hidden.mean(dim=0)
    return weights["classifier.weight"] @ pooled + weights["classifier.bias"]


def _reference_layer(config, weights, hidden, sentence_lengths):
    if config.variants == "linear":
        size = config.hidden_size
        matrix, bias = weights.variants_weight, weights.variants_bias
        variants = hidden @ matrix[:size].T + bias[:size], hidden @ matrix[size:].T + bias[size:]
    else:
        variants = hidden.chunk(2, dim=1)
    waves = [
        torch.cat([naive.represent(part) for part in variant.split(sentence_lengths)])
        if level == "sentence"
        else naive.represent(variant)
        for variant, level in zip(variants, config.levels, strict=True)
    ]
    wave = getattr(naive, {"modulation": "modulate", "interference": "interfere"}[config.operation])
    read = {
        "concat": lambda z: torch.cat([z.real, z.imag], dim=1),
        "magnitude": torch.abs,
        "real": torch.real,
        "imaginary": torch.imag,
    }[config.readout](wave(*waves))
    x = read @ weights.feed_forward_weight.T + weights.feed_forward_bias
    x = x / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    x = x - x.mean(dim=1, keepdim=True)
    x = x / torch.sqrt((x**2).mean(dim=1, keepdim=True) + 1e-5)
    return x * weights.norm_weight + weights.norm_bias


def gradients(model, logits):
    weights = torch.linspace(-1, 2, logits.numel(), dtype=logits.dtype).view_as(logits)
    parameters = list(model.parameters())
    found = torch.autograd.grad((weights * logits).sum(), parameters, materialize_grads=True)
    return dict(zip(dict(model.named_parameters()), found, strict=True))


@every_shape
def test_logits_and_gradients_equal_complex_arithmetic(shape):
    model = make_model(**shape)
    logits, expected = model(pack(TEXTS).to_torch()), reference(model, TEXTS)
    torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        gradients(model, logits), gradients(model, expected), rtol=1e-8, atol=1e-8
    )


@every_shape
def test_singular_texts_give_finite_logits_and_gradients(shape):
    model = make_model(**shape, dropout=0.1).float().train()
    nn.init.zeros_(model.embedding.weight[4])
    logits = model(pack(SINGULAR_TEXTS + TEXTS).to_torch())
    assert logits.shape == (8, 3)
    assert logits.isfinite().all()
    for name, gradient in gradients(model, logits).items():
        assert gradient.isfinite().all(), name


def test_tensor_shapes_are_those_of_the_state_dict():
    for shape in SHAPES:
        config = make_config(**shape)
        with torch.device("meta"):
            model = WaveNetwork(config)
        shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        assert tensor_shapes(config) == shapes, shape
        assert parameter_counts(config) == {
            "total": sum(p.numel() for p in model.parameters()),
            "embedding": model.embedding.weight.numel(),
        }, shape


@every_path
def test_probabilities_do_not_depend_on_the_batch(shape):
    torch.manual_seed(0)
    model = WaveNetwork(make_config(**shape, hidden_size=32))
    random = np.random.default_rng(0)
    texts = SINGULAR_TEXTS + [
        [[0, *random.integers(1, VOCABULARY, size)] for size in random.integers(1, 5, 3)]
        for _ in range(40)
    ]
    assert_batch_does_not_matter(model, texts, pack)


@pytest.mark.parametrize("positions", ["none", "learned", "sinusoidal"])
@pytest.mark.parametrize("variants", ["linear", "embedding"])
# A large batch with positions takes a way of its own.
@pytest.mark.parametrize(("hidden_size", "copies"), [(6, 1), (64, 300)])
def test_factored_fast_path_equals_the_plain_path(positions, variants, hidden_size, copies):
    texts = [[[0, *range(1, 16)]], [[0]], [[0, 3, 3, 8, 2, 5, 9, 1, 1, 4]]] * copies
    options = {"positions": positions, "variants": variants, "hidden_size": hidden_size}
    fast = make_model(**options)
    # Texts of one sentence, for which no fast path exists.
    plain = make_model(**options, levels=("sentence", "input"))
    plain.load_state_dict(fast.state_dict())
    batch = pack(texts).to_torch()
    fast_logits, plain_logits = fast(batch), plain(batch)
    torch.testing.assert_close(fast_logits, plain_logits, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients(fast, fast_logits), gradients(plain, plain_logits), rtol=1e-10, atol=1e-10
    )


def test_eq_8_residual_is_outermost():
    """Eq. 8: W_{n+1} = W_n + Dropout(g(f(W_n))); what drops out is never W_n."""
    size = 40
    model = make_model(
        variants="linear",
        num_layers=2,
        dropout=0.5,
        hidden_size=size,
        labels=tuple(range(size)),
        positions="learned",
    )
    nn.init.eye_(model.classifier.weight)
    nn.init.zeros_(model.classifier.bias)
    for layer in model.layers:  # g(f(W)) = 1 whatever W is
        nn.init.zeros_(layer.norm.weight)
        nn.init.ones_(layer.norm.bias)
    start = model.embedding.weight[0] + model.positions.weight[0]
    batch = pack(TEXTS).to_torch()
    added = model.eval()(batch) - start
    torch.testing.assert_close(added, torch.full_like(added, 2))
    added = model.train()(batch) - start
    torch.testing.assert_close(added, added.round())
    assert set(added.round().unique().tolist()) == {0.0, 2.0, 4.0}


def test_one_layer_has_no_residual():
    model = make_model(variants="linear")
    nn.init.zeros_(model.layers[0].norm.weight)
    nn.init.zeros_(model.layers[0].norm.bias)
    logits = model(pack(TEXTS).to_torch())
    torch.testing.assert_close(logits, model.classifier.bias.expand(3, -1))


def test_sinusoidal_positions_are_neither_trained_nor_stored():
    model = make_model(positions="sinusoidal")
    assert not [name for name in model.state_dict() if "positions" in name]
    assert not [name for name, _ in model.named_parameters() if "positions" in name]


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_token_order_matters_with_positions_alone(num_layers, pooling):
    texts = [[[0, 1, 2, 3, 4, 5, 6]], [[0, 6, 3, 5, 1, 2, 4]]]
    shape = {"variants": "linear", "num_layers": num_layers, "pooling": pooling}
    first, second = make_model(**shape)(pack(texts).to_torch())
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)
    for positions in ("learned", "sinusoidal"):
        first, second = make_model(**shape, positions=positions)(pack(texts).to_torch())
        assert (first - second).abs().max() > 1e-3


def test_sentence_level_sees_the_boundaries_and_input_level_does_not():
    split, whole = [[[0, 5, 7], [9, 3, 2]]], [[[0, 5, 7, 9, 3, 2]]]
    for levels, equal in ((("input", "input"), True), (("sentence", "input"), False)):
        model = make_model(levels=levels)
        difference = model(pack(split).to_torch()) - model(pack(whole).to_torch())
        assert (difference.abs().max() < 1e-12) == equal


def test_sentence_level_needs_sentence_offsets():
    batch = replace(pack(TEXTS), sentences=None).to_torch()
    for pooling in ("cls", "mean"):
        with pytest.raises(ConfigError, match="sentence boundaries"):
            make_model(levels=("sentence", "input"), pooling=pooling)(batch)


@pytest.mark.parametrize("variants", ["linear", "embedding"])
def test_interference_real_and_cls_cannot_see_the_other_tokens(variants):
    texts = [[[0, 1, 2]], [[0, 9]], [[0]], [[0, 22, 21, 20, 19]]]
    shape = {"operation": "interference", "pooling": "cls", "variants": variants}
    blind = make_model(**shape, readout="real")
    logits = blind(pack(texts).to_torch())
    torch.testing.assert_close(logits, logits[:1].expand_as(logits), rtol=1e-14, atol=1e-14)
    assert (gradients(blind, logits)["embedding.weight"][1:] == 0).all()
    seeing = make_model(**shape, readout="concat")(pack(texts).to_torch())
    assert (seeing - seeing[:1]).abs()[1:].max(dim=1).values.min() > 1e-3


def test_interference_real_and_mean_is_a_bag_before_the_feed_forward():
    """The real part of a token sees that token alone, so texts mix in the pooling only."""
    model = make_model(operation="interference", readout="real", pooling="mean")
    weights = model.classifier.weight, model.classifier.bias
    together = model(pack([[[0, 4, 9]]]).to_torch()) - weights[1]
    alone = model(pack([[[0]], [[4]], [[9]]]).to_torch()) - weights[1]
    torch.testing.assert_close(together[0], alone.mean(dim=0))


@pytest.mark.parametrize("variants", ["linear", "embedding"])
@pytest.mark.parametrize("positions", ["none", "learned"])
def test_modulation_magnitude_is_blind_to_the_phase(variants, positions):
    """|Z Z'| = G G' for every token, so `[CLS]` and mean pooling coincide."""
    shape = {"readout": "magnitude", "variants": variants, "positions": positions}
    cls, mean = make_model(**shape, pooling="cls"), make_model(**shape, pooling="mean")
    mean.load_state_dict(cls.state_dict())
    batch = pack(TEXTS + SINGULAR_TEXTS).to_torch()
    torch.testing.assert_close(cls(batch), mean(batch), rtol=1e-10, atol=1e-10)


def test_modulation_magnitude_is_blind_to_signs():
    model = make_model(readout="magnitude")
    batch = pack(TEXTS).to_torch()
    before = model(batch).detach()
    with torch.no_grad():
        model.embedding.weight[::2] *= -1
    torch.testing.assert_close(model(batch), before, rtol=1e-12, atol=1e-12)
    seeing = make_model(readout="concat")
    before = seeing(batch).detach()
    with torch.no_grad():
        seeing.embedding.weight[::2] *= -1
    assert (seeing(batch) - before).abs().max() > 1e-3


def test_paper_has_the_papers_parameters():
    preset = PRESETS["paper"]
    config = preset.config(
        **preset.model, labels=tuple(range(4)), vocab_size=preset.vocab_size, cls_token_id=0
    )
    assert parameter_counts(config) == {"total": 25_807_108, "embedding": 23_440_896}
    with torch.device("meta"):
        model = WaveNetwork(config)
    assert sum(p.numel() for p in model.parameters()) == 25_807_108
    assert 25_807_108 - 23_440_896 == 2_366_212


def test_embedding_starts_with_the_range_that_the_config_gives():
    torch.manual_seed(0)
    config = make_config(
        vocab_size=5_000, initializer_range=0.3, positions="learned", max_length=900
    )
    model = WaveNetwork(config)
    for table in (model.embedding.weight, model.positions.weight):
        assert table.std().item() == pytest.approx(0.3, rel=0.03)
        assert table.mean().item() == pytest.approx(0, abs=0.01)
