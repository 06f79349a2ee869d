"""The local wave network against its formulas, token by token, and what it promises of a batch."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from batch_checks import assert_batch_does_not_matter
from hypothesis import given, settings
from hypothesis import strategies as st
from ngram_hashes import pair_bucket
from torch import nn
from torch.func import functional_call

from wave_network.config import PRESETS, LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, ngram_buckets
from wave_network.models.tensors import parameter_counts, tensor_shapes

VOCABULARY = 29
LABELS = ("a", "b", "c")
SHAPES = [
    {"operation": operation, "members": members}
    for operation, members in product(("modulation", "interference"), (1, 3))
]
# `[CLS]` alone (an empty text), one token more, one token again and again, and ordinary texts.
TEXTS = [
    [0, 5, 7, 5, 9, 9, 3],
    [0],
    [0, 5],
    [0, 0, 0],
    [0, 4, 4, 4, 4],
    [0],
    [0, *range(1, VOCABULARY), *range(1, VOCABULARY)],
    [7, 5],
]
NGRAMS = [("pair",), ("pair", "skip-pair"), ("pair", "triple"), ("pair", "skip-pair", "triple")]
CLOSE = {"rtol": 1e-11, "atol": 1e-11}


def name_of(shape):
    return "-".join(map(str, shape.values()))


every_shape = pytest.mark.parametrize("shape", SHAPES, ids=name_of)


def make_config(**options):
    defaults = {
        "labels": LABELS,
        "vocab_size": VOCABULARY,
        "cls_token_id": 0,
        "max_length": 64,
        "hidden_size": 5,
        "bigram_buckets": 31,
        "bigram_size": 3,
        "feed_forward_size": 7,
        "initializer_range": 0.5,
    }
    return LocalWaveConfig(**{**defaults, **options})


def make_model(**options):
    """A model in float64 whose every parameter is random: pairs, norms and biases too."""
    torch.manual_seed(1)
    model = LocalWaveNetwork(make_config(**options)).double()
    for name, parameter in model.named_parameters():
        if name.startswith("norm") or name.endswith("bias"):
            nn.init.normal_(parameter)
    nn.init.normal_(model.bigrams.weight, std=model.config.initializer_range)
    return model


def pack(texts):
    return PackedTexts(
        ids=np.concatenate([np.array(text, dtype=np.int32) for text in texts]),
        offsets=np.cumsum([0, *map(len, texts)]),
    )


def reference(model, texts):
    """Each member's logits by the formulas, (members, texts, labels), one value at a time."""
    config = model.config
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    return np.array(
        [
            [_member_logits(config, weights, member, text) for text in texts]
            for member in range(config.members)
        ]
    )


def _member_logits(config, weights, member, text):
    own = {
        name: weights[name][member]
        for name in weights
        if name not in ("embedding.weight", "bigrams.weight")
    }
    features = _member_features(config, weights, member, text)
    hidden = features @ own["feed_forward.weight"] + own["feed_forward.bias"][0]
    hidden = [
        x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) for x in hidden
    ]
    hidden = np.array(hidden) - np.mean(hidden)
    hidden = hidden / math.sqrt(np.mean(hidden**2) + 1e-5)
    hidden = hidden * own["norm.weight"][0] + own["norm.bias"][0]
    deep = hidden @ own["classifier.weight"] + own["classifier.bias"][0]
    return deep + features @ own["shortcut.weight"] + own["shortcut.bias"][0]


def _member_features(config, weights, member, text):
    size, pair_size = config.hidden_size, config.bigram_size
    first = member * size
    second = config.members * size + first
    tokens = len(text)
    u = [weights["embedding.weight"][token][first : first + size] for token in text]
    v = [weights["embedding.weight"][token][second : second + size] for token in text]
    if config.operation == "modulation":
        w = [v[j] * u[j - 1] / config.initializer_range for j in range(1, tokens)]
    else:
        w = [v[j] + u[j - 1] for j in range(1, tokens)]
    pairs = np.zeros(pair_size)
    for j in range(1, tokens):
        bucket = pair_bucket(int(text[j - 1]), int(text[j]), config.bigram_buckets)
        pairs += weights["bigrams.weight"][bucket][member * pair_size :][:pair_size]
    return np.concatenate(
        [
            sum(u) / math.sqrt(tokens),
            np.sqrt(sum(x**2 for x in u) + ENERGY_FLOOR),
            np.sqrt(sum((x**2 for x in w), np.zeros(size)) + ENERGY_FLOOR),
            pairs / math.sqrt(max(1, tokens - 1)),
        ]
    )


def log_mean_probabilities(logits):
    exponentials = np.exp(logits)
    return np.log((exponentials / exponentials.sum(axis=2, keepdims=True)).mean(axis=0))


@every_shape
def test_logits_equal_the_formulas_token_by_token(shape):
    model = make_model(**shape)
    expected = reference(model, TEXTS)
    assert np.ptp(expected, axis=1).min() > 0.1  # texts do differ, for every member and label
    batch = pack(TEXTS).to_torch()
    with torch.no_grad():
        each, answer = model.train()(batch).numpy(), model.eval()(batch).numpy()
    np.testing.assert_allclose(each, expected, **CLOSE)
    whole = expected[0] if shape["members"] == 1 else log_mean_probabilities(expected)
    np.testing.assert_allclose(answer, whole, **CLOSE)


@pytest.mark.parametrize("operation", ["modulation", "interference"])
@settings(max_examples=40)
@given(
    texts=st.lists(
        st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=12), min_size=1, max_size=6
    )
)
def test_any_packing_of_any_texts_equals_the_formulas(operation, texts):
    model = make_model(operation=operation, members=2)
    with torch.no_grad():
        found = model.train()(pack(texts).to_torch()).numpy()
    np.testing.assert_allclose(found, reference(model, texts), **CLOSE)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("operation", ["modulation", "interference"])
def test_gradients_equal_finite_differences(operation, training):
    model = make_model(
        operation=operation,
        members=2,
        vocab_size=6,
        hidden_size=2,
        bigram_buckets=5,
        bigram_size=1,
        feed_forward_size=3,
        labels=("a", "b"),
    ).train(training)
    names = [name for name, _ in model.named_parameters()]
    assert set(names) == set(tensor_shapes(model.config))
    batch = pack([[0, 1, 2, 1], [0], [0, 5], [0, 3, 3]]).to_torch()

    def logits(*parameters):
        return functional_call(model, dict(zip(names, parameters, strict=True)), (batch,))

    start = [parameter.detach().requires_grad_() for parameter in model.parameters()]
    assert torch.autograd.gradcheck(logits, start, eps=1e-6, atol=1e-6, rtol=1e-5)


def test_sparse_gradients_of_the_tables_equal_dense_ones():
    dense, sparse = make_model(members=2), make_model(members=2)
    sparse.embedding.sparse = sparse.bigrams.sparse = True
    for model in (dense, sparse):
        model.train()(pack(TEXTS).to_torch()).square().sum().backward()
    for name in ("embedding", "bigrams"):
        ours, theirs = (getattr(model, name).weight.grad for model in (sparse, dense))
        assert ours.is_sparse, name
        assert not theirs.is_sparse
        torch.testing.assert_close(ours.to_dense(), theirs, rtol=1e-12, atol=1e-12)


@every_shape
def test_gradients_are_bit_identical_with_several_threads(shape):
    """Adding up in the order in which threads come would round differently each time."""
    torch.manual_seed(0)
    model = LocalWaveNetwork(make_config(**shape, hidden_size=32)).train()
    ids = np.random.default_rng(0).integers(VOCABULARY, size=4_000).astype(np.int32)
    batch = PackedTexts(ids, np.arange(0, 4_001, 40)).to_torch()
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        first, *others = (gradients(model, batch) for _ in range(6))
    finally:
        torch.set_num_threads(threads)
    for other in others:
        for name, gradient in first.items():
            assert torch.equal(gradient, other[name]), name


def gradients(model, batch):
    model.zero_grad()
    model(batch).square().sum().backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@every_shape
def test_cls_alone_and_dead_rows_have_finite_logits_and_gradients(shape):
    model = make_model(**shape).float().train()
    nn.init.zeros_(model.embedding.weight[4])
    nn.init.zeros_(model.embedding.weight[0])
    for texts in ([[0]], [[0], [0]], [[0, 4, 4], [0]], TEXTS):
        model.zero_grad()
        logits = model(pack(texts).to_torch())
        assert logits.isfinite().all()
        logits.square().sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad.isfinite().all(), name


@every_shape
def test_probabilities_do_not_depend_on_the_batch(shape):
    torch.manual_seed(0)
    config = make_config(**shape, hidden_size=32, bigram_size=8, feed_forward_size=64)
    model = LocalWaveNetwork(config)
    nn.init.normal_(model.bigrams.weight, std=0.5)
    random = np.random.default_rng(0)
    texts = TEXTS + [
        [0, *random.integers(1, VOCABULARY, random.integers(1, 40))] for _ in range(40)
    ]
    assert_batch_does_not_matter(model, texts, pack)


# Two tokens in the middle, which no end of the text could tell apart.
STRAIGHT, SWAPPED = [0, 3, 8, 5, 11, 2], [0, 3, 5, 8, 11, 2]


def order_difference(model):
    straight, swapped = model.eval()(pack([STRAIGHT, SWAPPED]).to_torch()).detach()
    return (straight - swapped).abs().max().item()


@every_shape
def test_word_order_matters(shape):
    assert order_difference(make_model(**shape)) > 1e-2


@every_shape
@pytest.mark.parametrize("silenced", ["bigrams", "embedding"])
def test_local_waves_and_pairs_each_see_the_word_order(shape, silenced):
    model = make_model(**shape)
    nn.init.zeros_(getattr(model, silenced).weight)
    assert order_difference(model) > 1e-3


def test_without_local_waves_and_pairs_the_text_is_a_bag():
    model = make_model()
    nn.init.zeros_(model.bigrams.weight)
    with torch.no_grad():
        model.embedding.weight[:, model.config.hidden_size :] = 0  # all second variants
    assert order_difference(model) < 1e-12


def test_modulation_is_in_units_of_the_start():
    """Tables twice as large, of a start twice as wide, make local waves twice as large."""
    texts = pack(TEXTS).to_torch()
    models = [make_model(initializer_range=scale) for scale in (0.5, 1.0)]
    models[1].load_state_dict(models[0].state_dict())
    nn.init.zeros_(models[0].bigrams.weight)
    nn.init.zeros_(models[1].bigrams.weight)
    with torch.no_grad():
        models[1].embedding.weight *= 2
        features = [model._features(texts) for model in models]
    # But for the floor under the energies of texts without any.
    torch.testing.assert_close(features[1], 2 * features[0], rtol=1e-3, atol=2e-3)


def test_while_training_members_answer_each_and_in_evaluation_their_mean():
    model, batch = make_model(members=3), pack(TEXTS).to_torch()
    each = model.train()(batch)
    assert each.shape == (3, len(TEXTS), 3)
    assert (each[0] - each[1]).abs().min() > 0
    answer = model.eval()(batch)
    assert answer.shape == (len(TEXTS), 3)
    torch.testing.assert_close(answer.exp(), each.softmax(dim=2).mean(dim=0))
    torch.testing.assert_close(answer.exp().sum(dim=1), torch.ones(len(TEXTS)).double())
    single = make_model()
    assert single.train()(batch).shape == (1, len(TEXTS), 3)
    torch.testing.assert_close(single.eval()(batch), single.train()(batch)[0])


def test_with_any_number_of_labels_members_answer_each_labels_mean():
    model = make_model(members=3, problem_type="multi_label_classification")
    batch = pack(TEXTS).to_torch()
    each = model.train()(batch)
    torch.testing.assert_close(model.eval()(batch).sigmoid(), each.sigmoid().mean(dim=0))


def test_the_mean_of_members_that_are_quite_sure_is_finite():
    model = make_model(members=2).float().eval()
    with torch.no_grad():
        model.shortcut.bias[0, 0] = torch.tensor([1e4, 0.0, 0.0])
        model.shortcut.bias[1, 0] = torch.tensor([0.0, 1e4, 0.0])
        answer = model(pack(TEXTS).to_torch())
    torch.testing.assert_close(answer.exp(), torch.tensor([[0.5, 0.5, 0.0]] * len(TEXTS)))


def member_columns(config, name, member):
    """Where a member's own values are in a tensor of that name."""
    size, pair_size = config.hidden_size, config.bigram_size
    if name == "embedding.weight":
        first = np.arange(member * size, (member + 1) * size)
        return (slice(None), np.concatenate([first, first + config.members * size]))
    if name == "bigrams.weight":
        return (slice(None), slice(member * pair_size, (member + 1) * pair_size))
    return (member,)


@pytest.mark.parametrize("member", range(3))
@pytest.mark.parametrize("operation", ["modulation", "interference"])
def test_a_member_learns_in_its_own_columns_alone(operation, member):
    model = make_model(operation=operation, members=3)
    model.train()(pack(TEXTS).to_torch())[member].square().sum().backward()
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.clone()
        own = member_columns(model.config, name, member)
        assert (gradient[own] != 0).any(), name
        gradient[own] = 0
        assert (gradient == 0).all(), name


def test_the_members_are_the_classifiers_that_their_columns_make_alone():
    model, batch = make_model(members=3), pack(TEXTS).to_torch()
    together = model.train()(batch)
    for member in range(3):
        alone = make_model(members=1)
        with torch.no_grad():
            for name, parameter in alone.named_parameters():
                source = model.get_parameter(name)[member_columns(model.config, name, member)]
                parameter.copy_(source.view_as(parameter))
        torch.testing.assert_close(alone.eval()(batch), together[member], rtol=1e-12, atol=1e-12)


def test_the_seed_decides_the_start():
    starts = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        starts.append(LocalWaveNetwork(make_config(members=2)).state_dict())
    first, again, other = starts
    for name, value in first.items():
        assert torch.equal(value, again[name]), name
        assert torch.equal(value, other[name]) == name.startswith(("norm.", "bigrams.")), name


def test_the_start_is_of_the_range_that_the_config_gives_and_of_linear_layers():
    torch.manual_seed(0)
    config = make_config(
        vocab_size=2_000,
        bigram_buckets=4_001,
        initializer_range=0.3,
        feed_forward_size=64,
        members=2,
    )
    model = LocalWaveNetwork(config)
    assert model.embedding.weight.std().item() == pytest.approx(0.3, rel=0.03)
    assert model.embedding.weight.mean().item() == pytest.approx(0, abs=0.01)
    assert not model.bigrams.weight.any()
    for layer, inputs in ((model.feed_forward, 18), (model.classifier, 64), (model.shortcut, 18)):
        linear = nn.Linear(inputs, 1_000)  # a sample of what torch's own layer starts with
        assert layer.weight.abs().max() <= linear.weight.abs().max() * 1.01
        assert layer.weight.std().item() == pytest.approx(linear.weight.std().item(), rel=0.1)
        assert not torch.equal(layer.weight[0], layer.weight[1])
    assert (model.norm.weight == 1).all()
    assert (model.norm.bias == 0).all()


def test_tensor_shapes_are_those_of_the_state_dict():
    for shape in SHAPES:
        config = make_config(**shape)
        with torch.device("meta"):
            model = LocalWaveNetwork(config)
        shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        assert tensor_shapes(config) == shapes, shape
        assert list(shapes) == [name for name, _ in model.named_parameters()]


def test_parameter_counts_are_those_of_the_model():
    for shape in SHAPES:
        model = make_model(**shape)
        tables = model.embedding.weight.numel() + model.bigrams.weight.numel()
        total = sum(parameter.numel() for parameter in model.parameters())
        assert parameter_counts(model.config) == {"total": total, "embedding": tables}


@pytest.mark.parametrize(
    ("name", "most"), [("small", 2_400_000), ("tiny", 400_000), ("large", 25_000_000)]
)
def test_presets_keep_to_their_parameters(name, most):
    preset = PRESETS[name]
    config = preset.config(
        **preset.model, labels=tuple(range(14)), vocab_size=preset.vocab_size, cls_token_id=0
    )
    with torch.device("meta"):
        model = LocalWaveNetwork(config)
    total = sum(parameter.numel() for parameter in model.parameters())
    assert most / 3 < total <= most
    assert parameter_counts(config)["total"] == total


def set_linear(linear, tokens, bigrams, bias):
    linear.load_state_dict({"tokens.weight": tokens, "bigrams.weight": bigrams, "bias": bias})


@pytest.mark.parametrize("ngrams", NGRAMS, ids="+".join)
@pytest.mark.parametrize(
    "texts", [[[0, 5, 9, 5], [0], [0, 5], [0, 1, 2], [0], [0, 1, 2, 3, 4]], [[0]], [[0, 1], [0]]]
)
def test_the_linear_part_adds_its_sums_to_the_answer_and_not_to_what_is_learnt(texts, ngrams):
    torch.manual_seed(0)
    model = make_model(members=2, linear_size=300, linear_ngrams=ngrams)
    batch = pack(texts).to_torch()
    alone = model.eval()(batch) - model.linear.bias
    learning = model.train()(batch)
    linear, labels = model.linear, len(LABELS)
    random = [torch.randn(rows, labels) for rows in (VOCABULARY, model.config.linear_buckets)]
    set_linear(linear, *random, torch.arange(labels).float())
    torch.testing.assert_close(model.train()(batch), learning)
    added = (model.eval()(batch) - alone).detach().numpy()
    tokens, rows = (table.double().numpy() for table in random)
    for text, found in zip(texts, added, strict=True):
        expected = np.arange(labels) + tokens[text].sum(axis=0) / math.sqrt(len(text))
        for kind in ngrams:
            buckets = ngram_buckets(kind, np.array(text), model.config.linear_buckets)
            assert len(buckets) == max(len(text) - (1 if kind == "pair" else 2), 0)
            for bucket in buckets:
                expected = expected + rows[bucket] / math.sqrt(len(text) - 1)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_gradients_leave_the_linear_part_alone():
    model = make_model(linear_size=300).train()
    model(pack([[0, 5, 9], [0, 7]]).to_torch()).sum().backward()
    assert not any(parameter.requires_grad for parameter in model.linear.parameters())
    assert all(parameter.grad is None for parameter in model.linear.parameters())


@pytest.mark.parametrize("ngrams", NGRAMS, ids="+".join)
@settings(max_examples=20)
@given(
    texts=st.lists(
        st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=9), min_size=1, max_size=8
    )
)
def test_what_the_linear_part_says_of_a_text_is_of_that_text_alone(ngrams, texts):
    model = make_model(linear_size=300, linear_ngrams=ngrams).eval()
    rows = (VOCABULARY, model.config.linear_buckets)
    tables = (torch.randn(count, len(LABELS)) for count in rows)
    set_linear(model.linear, *tables, torch.zeros(len(LABELS)))
    together = model.linear(pack(texts).to_torch())
    alone = torch.cat([model.linear(pack([text]).to_torch()) for text in texts])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)
