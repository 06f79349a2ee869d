"""The ONNX graphs by ONNX Runtime: the runtime's answers, however the rows are padded."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tensors import random_tensors

from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.errors import ConfigError
from wave_network.export.onnx import build_onnx
from wave_network.models.registry import family_of
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.quantization import dequantize_tensors, quantize_tensors

VOCABULARY, LONGEST = 40, 24
LOCAL = [
    (LocalWaveConfig, {"operation": operation, "members": members})
    for operation, members in product(("modulation", "interference"), (1, 3))
]
WAVE = [
    (
        ModelConfig,
        {
            "operation": operation,
            "readout": readout,
            "pooling": pooling,
            "positions": positions,
            "variants": "linear",
            "num_layers": layers,
        },
    )
    for operation, readout, pooling, positions, layers in [
        ("modulation", "concat", "cls", "sinusoidal", 1),  # the paper's
        ("interference", "concat", "cls", "sinusoidal", 1),
        ("modulation", "magnitude", "mean", "learned", 1),
        ("interference", "real", "cls", "none", 2),
        ("modulation", "imaginary", "mean", "learned", 2),
        ("modulation", "concat", "cls", "learned", 3),
    ]
] + [(ModelConfig, {"variants": "embedding"})]
MULTI_LABEL = [
    (LocalWaveConfig, {"members": members, "problem_type": "multi_label_classification", **linear})
    for members, linear in ((1, {}), (3, {}), (3, {"linear_size": 2_000}))
]
LINEAR = [
    (LocalWaveConfig, {"members": members, "linear_size": 2_000, "linear_ngrams": ngrams})
    for members, ngrams in [
        (1, ("pair",)),
        (3, ("pair", "skip-pair")),
        (1, ("pair", "triple")),
        (1, ("pair", "skip-pair", "triple")),
    ]
]
SPARSE = [
    (config_class, {**options, "linear_size": 1_000, "sparse_linear_size": 150})
    for config_class, options in LINEAR
]
SHAPES = LOCAL + WAVE + MULTI_LABEL + LINEAR + SPARSE

every_shape = pytest.mark.parametrize("shape", range(len(SHAPES)))


@cache
def made(shape):
    """Random weights of a shape, and its float graph in ONNX Runtime."""
    config_class, options = SHAPES[shape]
    files = random_files(config_class, **options)
    return files, session(build_onnx(files, table_bits=32))


def random_files(config_class, **options):
    from wave_network.persistence.folder import ModelFiles

    if config_class is LocalWaveConfig:
        options = {"bigram_buckets": 211, "bigram_size": 3, "feed_forward_size": 12, **options}
    config = config_class(
        labels=("a", "b", "c"),
        vocab_size=VOCABULARY,
        cls_token_id=3,
        max_length=LONGEST,
        hidden_size=8,
        initializer_range=0.7,
        **options,
    )
    return ModelFiles(
        config, random_tensors(config, scale=0.7), None, preset="small", training={}, metrics={}
    )


def session(model):
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def padded(texts, side, length, filler):
    ids = np.full((len(texts), length), filler, np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        place = slice(0, len(text)) if side == "right" else slice(length - len(text), length)
        ids[row, place], mask[row, place] = text, 1
    return {"input_ids": ids, "attention_mask": mask}


def by_runtime(files, texts):
    ids = np.array([token for text in texts for token in text], np.int32)
    return (
        family_of(files.config)
        .numpy_network(files.config, files.tensors)
        .logits(ids, np.cumsum([0, *map(len, texts)]))
    )


texts_of_tokens = st.lists(
    st.lists(st.integers(0, VOCABULARY - 1), max_size=LONGEST - 1).map(lambda text: [3, *text]),
    min_size=1,
    max_size=6,
)


@every_shape
@settings(max_examples=25)
@given(
    texts=texts_of_tokens,
    side=st.sampled_from(["right", "left"]),
    more=st.integers(0, 9),
    filler=st.sampled_from([0, 3, VOCABULARY - 1, -100, 10**6]),
)
def test_logits_equal_the_runtimes_whatever_the_padding(shape, texts, side, more, filler):
    files, float_session = made(shape)
    inputs = padded(texts, side, max(map(len, texts)) + more, filler)
    (found,) = float_session.run(["logits"], inputs)
    assert found.dtype == np.float32
    expected = by_runtime(files, texts)
    atol = 1e-5
    if SHAPES[shape][1].get("readout") == "imaginary":
        # Where a token has nearly all the energy of a dimension, sqrt(G^2 - u^2) keeps half its
        # digits: the graph may be off by as much as float32 itself is off.
        exact = {name: tensor.astype(np.float64) for name, tensor in files.tensors.items()}
        atol += 4 * np.abs(expected - by_runtime(replace(files, tensors=exact), texts)).max()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=atol)


@every_shape
@pytest.mark.parametrize("bits", [8, 4])
def test_in_few_bits_logits_equal_those_of_the_quantized_model(shape, bits):
    files, _ = made(shape)
    specs = tensor_specs(files.config)
    stored = quantize_tensors(files.tensors, specs, bits)
    small = replace(files, tensors=dequantize_tensors(stored, specs, bits))
    texts = [[3], [3, 5, 9, 5], list(range(LONGEST))]
    inputs = padded(texts, "right", LONGEST, 0)
    model = build_onnx(files, table_bits=bits)
    (found,) = session(model).run(None, inputs)
    np.testing.assert_allclose(found, by_runtime(small, texts), rtol=1e-5, atol=1e-5)
    assert not np.allclose(found, by_runtime(files, texts), rtol=1e-5, atol=1e-5)
    tables = {item.name: item.data_type for item in model.graph.initializer if item.dims}
    dtype = {8: onnx.TensorProto.INT8, 4: onnx.TensorProto.UINT8}[bits]
    assert tables["embedding.weight"] == dtype


def test_pairs_fall_into_the_same_buckets_at_the_largest_vocabulary():
    """Products of ids and factors need all of 64 bits."""
    files = random_files(LocalWaveConfig, bigram_buckets=262_139)
    random = np.random.default_rng(1)
    table = random.normal(size=(2**17, 16)).astype(np.float32)
    config = replace(files.config, vocab_size=len(table))
    files = replace(files, config=config, tensors={**files.tensors, "embedding.weight": table})
    texts = [[3, *random.integers(2**17 - 50, 2**17, size=20).tolist()]]
    (found,) = session(build_onnx(files, table_bits=32)).run(None, padded(texts, "left", 30, 0))
    np.testing.assert_allclose(found, by_runtime(files, texts), rtol=1e-5, atol=1e-5)


def test_ngrams_fall_into_the_same_buckets_where_there_are_most_of_them():
    options = {"linear_size": 9_000_000, "linear_ngrams": ("pair", "skip-pair", "triple")}
    files = random_files(LocalWaveConfig, **options)
    assert files.config.linear_buckets > 2**21
    texts = [[3, *np.random.default_rng(1).integers(VOCABULARY, size=20).tolist()]]
    (found,) = session(build_onnx(files, table_bits=32)).run(None, padded(texts, "left", 30, 0))
    np.testing.assert_allclose(found, by_runtime(files, texts), rtol=1e-5, atol=1e-5)


def test_members_that_are_quite_sure_of_different_labels_answer_both():
    files = random_files(LocalWaveConfig, members=3)
    sure = {**files.tensors, "shortcut.bias": 1e4 * np.eye(3, dtype=np.float32)[:, None, :]}
    model = session(build_onnx(replace(files, tensors=sure), table_bits=32))
    (found,) = model.run(None, padded([[3, 4]], "right", 2, 0))
    np.testing.assert_allclose(np.exp(found), 1 / 3, rtol=1e-5)


def test_the_graph_says_what_it_is():
    model = build_onnx(random_files(LocalWaveConfig), table_bits=32)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 17)]
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "input_ids": ["batch", "length"],
        "attention_mask": ["batch", "length"],
        "logits": ["batch", 3],
    }
    onnx.checker.check_model(model, full_check=True)


def test_a_model_of_sentences_is_refused():
    files = random_files(ModelConfig, levels=("sentence", "input"))
    with pytest.raises(ConfigError, match="sentence-level semantics cannot be exported"):
        build_onnx(files, table_bits=32)
