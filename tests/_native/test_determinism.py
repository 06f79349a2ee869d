"""Compiled functions give the same bits for any number of threads."""

import numpy as np
import pytest
from native import needs_native

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.models.local_wave.native import native_shape

pytestmark = needs_native

THREADS = (1, 2, 3, 4, 8)
VOCABULARY = 200


def packed(texts, seed=0, longest=30):
    random = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(random.integers(1, longest, texts))])
    ids = (VOCABULARY * random.random(offsets[-1]) ** 3).astype(np.int32)  # some are frequent
    return ids, offsets


def make_config(labels=3, **options):
    return LocalWaveConfig(
        labels=tuple(range(labels)),
        vocab_size=VOCABULARY,
        cls_token_id=0,
        bigram_buckets=331,
        **{"feed_forward_size": 24, **options},
    )


def tables(config, seed=0):
    random = np.random.default_rng(seed)
    features = config.feature_size
    hidden, labels, members = config.feed_forward_size, config.num_labels, config.members
    heads = members * (features * hidden + 3 * hidden + (features + hidden + 2) * labels)
    shapes = {
        "embedding": (VOCABULARY, 2 * members * config.hidden_size),
        "bigrams": (config.bigram_buckets, members * config.bigram_size),
        "heads": (heads,),
    }
    return {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def trained(config, ids, offsets, threads, *, batch, targets=None, multi_label=False):
    """The losses of some steps and all arrays after them."""
    random = np.random.default_rng(1)
    arrays = tables(config)
    for name in tuple(arrays):
        arrays |= {f"{name}_{part}": np.zeros_like(arrays[name]) for part in ("mean", "square")}
    texts = len(offsets) - 1
    classes = random.integers(config.num_labels, size=texts)
    results = []
    for count in threads:
        chosen = random.integers(texts, size=batch)
        result = _native.compiled.train_step(
            native_shape(config),
            ids=ids,
            offsets=offsets,
            chosen=chosen,
            chances=random.random(np.diff(offsets)[chosen].sum(), dtype=np.float32),
            classes=classes if targets is None else None,
            targets=targets,
            weights=random.random(texts, dtype=np.float32),
            **arrays,
            hidden=config.feed_forward_size,
            labels=config.num_labels,
            multi_label=multi_label,
            label_smoothing=0.1,
            temperature=1.0,
            token_dropout=0.3,
            beta1=0.9,
            beta2=0.999,
            table_rate=0.05,
            table_epsilon=1e-3,
            rate=0.01,
            epsilon=1e-8,
            decay=0.999,
            root_factor=0.5,
            threads=count,
        )
        results.append(result)
    return results, arrays


STEP_CASES = {
    "plain": ({}, 600, {}),
    "one text": ({}, 1, {}),
    "a few texts": ({}, 17, {}),
    "narrow": ({"hidden_size": 5, "bigram_size": 3, "feed_forward_size": 7}, 100, {}),
    "interference": ({"operation": "interference"}, 100, {}),
    "members": ({"members": 3, "hidden_size": 4}, 100, {}),
    "many labels, in chunks": (
        {"labels": 5000, "hidden_size": 2, "feed_forward_size": 8},
        150,
        {},
    ),
    "multi-label": (
        {"labels": 5, "problem_type": "multi_label_classification"},
        100,
        {"multi_label": True, "targets": np.eye(5, dtype=np.float32)[np.arange(300) % 5]},
    ),
}


@pytest.mark.parametrize("case", STEP_CASES)
def test_training_steps(case):
    options, batch, arguments = STEP_CASES[case]
    config, texts = make_config(**options), packed(300)
    losses, expected = trained(config, *texts, [1] * 3, batch=batch, **arguments)
    assert all(np.isfinite(array).all() for array in expected.values())
    changing = [[count] * 3 for count in THREADS[1:]] + [[2, 1, 4]]
    for threads in changing:
        found_losses, found = trained(config, *texts, threads, batch=batch, **arguments)
        assert found_losses == losses
        for name, array in expected.items():
            assert found[name].tobytes() == array.tobytes(), (name, threads)


def made_in(threads, call, *shapes):
    """The bytes that a function writes into arrays."""
    arrays = [np.zeros(shape, np.float32) for shape in shapes]
    call(*arrays, threads)
    return [array.tobytes() for array in arrays]


def same_for_all(call, *shapes):
    expected = made_in(1, call, *shapes)
    return all(made_in(threads, call, *shapes) == expected for threads in THREADS[1:])


@pytest.mark.parametrize("labels", [0, 3])
def test_features(labels):
    config, (ids, offsets) = make_config(members=2), packed(500)
    random = np.random.default_rng(2)
    weights = tables(config)
    linear = [random.random((rows, labels), dtype=np.float32) for rows in (VOCABULARY, 101)]

    def call(features, margins, threads):
        _native.compiled.features_forward(
            *(native_shape(config), ids, offsets, features, margins),
            *(weights["embedding"], weights["bigrams"], *linear, threads),
        )

    assert same_for_all(call, (500, 2, config.feature_size), (500, labels))


@pytest.mark.parametrize("texts", [1, 3, 4, 17, 500])
def test_heads(texts):
    random = np.random.default_rng(2)
    shapes = [(2, 13, 24), *[(2, 1, 24)] * 3, (2, 24, 5), (2, 1, 5), (2, 13, 5), (2, 1, 5)]
    heads = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    features = random.normal(size=(texts, 2, 13)).astype(np.float32)

    def call(logits, threads):
        _native.compiled.heads_forward(features, logits, *heads, threads)

    assert same_for_all(call, (2, texts, 5))


@pytest.mark.parametrize("labels", [1, 8, 9, 16])
def test_dual_coordinate_descent(labels):
    features, offsets = packed(300)
    random = np.random.default_rng(3)
    problem = {
        "offsets": offsets,
        "features": features,
        "values": random.random(len(features), dtype=np.float32),
        "costs": np.full(300, 0.5, np.float32),
        "having": random.random((300, labels)) < 0.3,
        "scales": random.random((VOCABULARY, labels), dtype=np.float32),
    }

    def call(weights, bias, threads):
        options = {"seed": 5, "tolerance": 0.01, "most_passes": 4, "threads": lambda: threads}
        _native.compiled.dual_coordinate_descent(**problem, weights=weights, bias=bias, **options)

    assert same_for_all(call, (VOCABULARY, labels), (labels,))
