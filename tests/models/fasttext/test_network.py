"""The network of a fastText model."""

import pickle

import numpy as np
import pytest

from wave_network.config import FastTextConfig
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.models.fasttext.network import NumpyFastTextNetwork, activated
from wave_network.models.fasttext.tree import build_tree
from wave_network.models.registry import family_of
from wave_network.models.tensors import parameter_counts, tensor_shapes

LABELS = tuple("abcd")


def config(loss="softmax", **changes):
    kind = "multi_label_classification" if loss == "ova" else "single_label_classification"
    values = {"labels": LABELS, "vocab_size": 20, "dimensions": 3, "problem_type": kind}
    return FastTextConfig(**{**values, "loss": loss, **changes})


def tensors(shape, seed=0):
    random = np.random.default_rng(seed)
    made = {}
    for name, size in tensor_shapes(shape).items():
        if name == "tree":
            made[name] = build_tree(np.array([4, 3, 2, 1]))
        elif "codes" in name:
            made[name] = random.integers(256, size=size).astype(np.uint8)
        else:
            made[name] = random.normal(size=size).astype(np.float32)
    return made


SHAPES = {
    "softmax": config(),
    "hs": config("hs"),
    "ns": config("ns"),
    "ova": config("ova"),
    "coded": config(input_block=2, input_norms=True, output_block=2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_probabilities(name):
    network = family_of(SHAPES[name]).numpy_network(SHAPES[name], tensors(SHAPES[name]))
    ids, offsets = np.array([1, 2, 19, 0, 0], np.int32), np.array([0, 3, 3, 5])
    found = network.logits(ids, offsets)
    assert found.shape == (3, 4)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found[1], 0)  # it has no rows
    alone = network.logits(ids[3:], np.array([0, 2]))
    np.testing.assert_array_equal(alone[0], found[2])
    again = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(again.logits(ids, offsets), found)


def test_the_sigmoid_is_a_table_with_ends():
    outputs = np.array([[-9.0, -8.0, 0.0, 8.0, 9.0, 0.01]], np.float32)
    found = activated(outputs, "ova")[0]
    assert found[0] == 0
    assert found[4] == 1
    assert found[2] == 0.5
    assert found[5] == 0.5  # in the same step
    np.testing.assert_allclose(found[[1, 3]], 1 / (1 + np.exp([8, -8])), rtol=1e-6)


def test_softmax():
    outputs = np.array([[1.0, 2.0, 300.0]], np.float32)
    np.testing.assert_allclose(activated(outputs, "softmax"), [[0, 0, 1]], atol=1e-6)


def test_answers_that_are_not_finite_are_refused():
    weights = tensors(SHAPES["ova"])
    weights["output.weight"][0, 0] = np.inf
    network = NumpyFastTextNetwork(SHAPES["ova"], weights)
    with pytest.raises(ModelFolderError, match="not finite"):
        network.logits(np.array([1], np.int32), np.array([0, 1]))


@pytest.mark.parametrize("method", ["waves", "variants"])
def test_there_are_no_waves(method):
    network = NumpyFastTextNetwork(SHAPES["ns"], tensors(SHAPES["ns"]))
    with pytest.raises(ConfigError, match="no waves"):
        getattr(network, method)(np.array([1]), np.array([0, 1]))


def test_what_a_fasttext_model_cannot_do_says_so():
    with pytest.raises(ConfigError, match="fastText"):
        family_of(SHAPES["softmax"]).torch_network(None, 0)


def test_codes_are_no_parameters():
    assert parameter_counts(config())["total"] == 20 * 3 + 4 * 3
    assert parameter_counts(SHAPES["coded"])["total"] == 2 * 256 * 3 + 256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimensions": 0}, "dimensions"),
        ({"loss": "mse"}, "loss must be one of"),
        ({"input_block": -1}, "input_block"),
        ({"input_norms": 1}, "input_norms must be true or false"),
        ({"loss": "ova", "problem_type": "single_label_classification"}, "loss ova is no"),
        ({"vocab_size": 2**31 - 1}, "numbers: the limit"),
    ],
)
def test_a_wrong_configuration(changes, message):
    with pytest.raises(ConfigError, match=message):
        config(**changes)


def test_one_label_is_enough():
    assert config(labels=("only",)).num_labels == 1
