"""Every definition, figure and equation of paper 1 (arXiv 2411.02674v4), one test each.

The right-hand sides are written out here, token by token, as the paper prints them. What is held
against them is the same quantity on three ways: `ops.naive`, the fast path, and the whole network,
whose waves are what its feed-forward layer is given.
"""

import pytest
import torch
from torch.testing import assert_close

from wave_network import ops
from wave_network.config import ModelConfig
from wave_network.data.batch import PackedBatch
from wave_network.models.wave.network import WaveNetwork
from wave_network.ops import naive

LENGTHS = [3, 7, 4]
TEXTS = torch.tensor([0, 3, 10, 14])
SENTENCES = torch.tensor([0, 3, 5, 10, 12, 14])
HIDDEN = 4
TOLERANCE = {"rtol": 1e-10, "atol": 1e-10}


def embeddings(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(sum(LENGTHS), HIDDEN, generator=generator, dtype=torch.float64)


W, PRIMED = embeddings(0), embeddings(1)  # the two variants of every token
NOTHING = torch.zeros_like(W)


def by_text(function, w, offsets=TEXTS):
    return torch.cat([function(text) for text in w.tensor_split(offsets[1:-1])])


def naive_wave(operation, u, v, levels=(TEXTS, TEXTS)):
    first, second = (by_text(naive.represent, x, at) for x, at in zip((u, v), levels, strict=True))
    return getattr(naive, operation)(first, second)


def fast_wave(operation, u, v, levels=(TEXTS, TEXTS)):
    first, second = (ops.represent(x, at) for x, at in zip((u, v), levels, strict=True))
    return torch.complex(*getattr(ops, operation)(first, second))


def make_network(**options):
    """A network whose table holds the given number of tokens, one id a token of the batch."""
    defaults = {"labels": ("a", "b"), "vocab_size": len(W), "cls_token_id": 0}
    shape = {"hidden_size": HIDDEN, "pooling": "mean", "max_length": 16, **options}
    return WaveNetwork(ModelConfig(**defaults, **shape)).double().eval()


def seen_by(module, network, batch):
    """What a module inside of the network is given in a forward pass."""
    seen = []
    with module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach())):
        network(batch)
    return seen[0]


def network_wave(operation, u, v, levels=(TEXTS, TEXTS)):
    names = {"interfere": "interference", "modulate": "modulation"}
    level = "sentence" if levels[0] is SENTENCES else "input"
    network = make_network(operation=names[operation], levels=(level, "input"))
    with torch.no_grad():
        network.embedding.weight.copy_(torch.cat([u, v], dim=1))
    batch = PackedBatch(torch.arange(len(u)), TEXTS, sentence_offsets=SENTENCES)
    return torch.complex(*seen_by(network.layers[0].feed_forward, network, batch).chunk(2, dim=1))


def network_representation(w):
    """Interference with a variant of zeros leaves the first wave as it is."""
    return network_wave("interfere", w, NOTHING)


WAVES = {"fast path": fast_wave, "network": network_wave, "naive": naive_wave}
REPRESENTATIONS = {
    "fast path": lambda w: torch.complex(*ops.represent(w, TEXTS)),
    "network": network_representation,
    "naive": lambda w: by_text(naive.represent, w),
}
three_waves = pytest.mark.parametrize("wave_of", WAVES.values(), ids=WAVES.keys())
three_representations = pytest.mark.parametrize(
    "representation_of", REPRESENTATIONS.values(), ids=REPRESENTATIONS.keys()
)


def global_semantics(w, offsets=TEXTS):
    """G_k = sqrt(w_1k^2 + ... + w_nk^2), for every token of the text."""

    def of_text(text):
        return torch.stack([sum(row**2 for row in text) ** 0.5] * len(text))

    return by_text(of_text, w, offsets)


def phase(w, offsets=TEXTS):
    """alpha_jk = arctan2(sqrt(1 - (w_jk / G_k)^2), w_jk / G_k)."""
    ratio = w / global_semantics(w, offsets)
    return torch.atan2(torch.sqrt(1 - ratio**2), ratio)


def context(w, offsets=TEXTS):
    """C_jk = sqrt(sum over i != j of w_ik^2)."""

    def of_text(text):
        tokens = range(len(text))
        return torch.stack(
            [sum(text[i] ** 2 for i in tokens if i != token) ** 0.5 for token in tokens]
        )

    return by_text(of_text, w, offsets)


def polar(w, offsets=TEXTS):
    """G exp(i alpha)."""
    alpha = phase(w, offsets)
    return global_semantics(w, offsets) * torch.complex(alpha.cos(), alpha.sin())


def test_figure_1_token_magnitude_is_the_root_of_its_energy():
    assert_close(naive.token_magnitude(W), (W**2).sqrt())


@three_representations
def test_figure_2_global_semantics_is_the_l2_norm_over_the_tokens(representation_of):
    assert_close(representation_of(W).abs(), global_semantics(W), **TOLERANCE)


def test_figure_2_global_semantics_as_functions():
    expected = global_semantics(W)[TEXTS[:-1]]
    assert_close(ops.global_semantics(W, TEXTS), expected, **TOLERANCE)
    texts = W.split(LENGTHS)
    assert_close(torch.stack([naive.global_semantics(text) for text in texts]), expected)


@three_representations
def test_figure_3_phase_is_the_arctangent_of_the_ratio(representation_of):
    assert_close(representation_of(W).angle(), phase(W), **TOLERANCE)


@three_representations
def test_figure_5_cosine_of_the_phase_is_the_share_of_the_token(representation_of):
    cosine = representation_of(W).angle().cos()
    assert_close(cosine, W / global_semantics(W), **TOLERANCE)
    assert (W < 0).any()  # where the arctangent of one argument would give another angle


@three_representations
def test_figure_4_cartesian_form_of_the_representation(representation_of):
    expected = torch.complex(W, context(W))
    assert_close(polar(W), expected, **TOLERANCE)
    assert_close(representation_of(W), expected, **TOLERANCE)


@three_waves
def test_eq_3_interference_is_the_sum_of_the_waves(wave_of):
    assert_close(wave_of("interfere", W, PRIMED), polar(W) + polar(PRIMED), **TOLERANCE)


@three_waves
def test_eq_4_interference_adds_tokens_and_contexts(wave_of):
    expected = torch.complex(W + PRIMED, context(W) + context(PRIMED))
    assert_close(wave_of("interfere", W, PRIMED), expected, **TOLERANCE)


@three_waves
def test_eq_5_interference_term(wave_of):
    """|Z + Z'|^2 = |Z|^2 + |Z'|^2 + 2 G G' cos(alpha - alpha')."""
    sizes = global_semantics(W), global_semantics(PRIMED)
    term = 2 * sizes[0] * sizes[1] * torch.cos(phase(W) - phase(PRIMED))
    energy = wave_of("interfere", W, PRIMED).abs() ** 2
    assert_close(energy, sizes[0] ** 2 + sizes[1] ** 2 + term, **TOLERANCE)


def test_eq_5_interference_term_as_functions():
    product = 2 * global_semantics(W) * global_semantics(PRIMED)
    expected = product * torch.cos(phase(W) - phase(PRIMED))
    fast = ops.interference_term(ops.represent(W, TEXTS), ops.represent(PRIMED, TEXTS))
    assert_close(fast, expected, **TOLERANCE)
    waves = (by_text(naive.represent, w) for w in (W, PRIMED))
    assert_close(naive.interference_term(*waves), expected, **TOLERANCE)


@three_waves
def test_eq_6_modulation_multiplies_magnitudes_and_adds_phases(wave_of):
    size = global_semantics(W) * global_semantics(PRIMED)
    angle = phase(W) + phase(PRIMED)
    expected = size * torch.complex(angle.cos(), angle.sin())
    assert_close(wave_of("modulate", W, PRIMED), expected, **TOLERANCE)


@three_waves
def test_eq_7_modulation_in_cartesian_form(wave_of):
    """(w w' - C C') + i (w' C + w C')."""
    real = W * PRIMED - context(W) * context(PRIMED)
    imag = PRIMED * context(W) + W * context(PRIMED)
    assert_close(wave_of("modulate", W, PRIMED), torch.complex(real, imag), **TOLERANCE)


@three_waves
@pytest.mark.parametrize("operation", ["interfere", "modulate"])
def test_figure_6a_sentence_and_input_level(wave_of, operation):
    """The first branch takes its global semantics from the sentence, the second from the text."""
    actual = wave_of(operation, W, PRIMED, levels=(SENTENCES, TEXTS))
    first = torch.complex(W, context(W, SENTENCES))
    second = torch.complex(PRIMED, context(PRIMED))
    assert_close(actual, first + second if operation == "interfere" else first * second)


def test_eq_8_each_layer_adds_to_its_input():
    """W_{n+1} = W_n + D(g(f_{n+1}(W_n))), without dropout; f by the papers' formulas."""
    network = make_network(variants="linear", num_layers=3)
    batch = PackedBatch(torch.arange(len(W)), TEXTS)
    hidden = W
    with torch.no_grad():
        network.embedding.weight.copy_(W)
        for layer in network.layers:
            u, v = layer.variants(hidden).chunk(2, dim=1)
            wave = polar(u) * polar(v)
            read = torch.cat([wave.real, wave.imag], dim=1)
            restored = torch.nn.functional.gelu(layer.feed_forward(read), approximate="tanh")
            hidden = hidden + layer.norm(restored)
        pooled = torch.stack([text.mean(dim=0) for text in hidden.split(LENGTHS)])
    assert_close(seen_by(network.classifier, network, batch), pooled, **TOLERANCE)
