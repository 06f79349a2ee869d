"""Every family offers all that the registry promises, and declares its tensors rightly."""

import subprocess
import sys

import numpy as np
import pytest

from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.errors import ConfigError
from wave_network.models.local_wave.tensors import head_names, table_names
from wave_network.models.registry import FAMILIES, build_model, config_class, family_of
from wave_network.models.tensors import parameter_counts, tensor_shapes, tensor_specs

SMALLEST = {"labels": ("a", "b", "c"), "vocab_size": 11, "cls_token_id": 0, "hidden_size": 4}
CONFIGS = [
    ModelConfig(**SMALLEST),
    ModelConfig(
        **SMALLEST, variants="linear", num_layers=2, positions="learned", readout="magnitude"
    ),
    LocalWaveConfig(**SMALLEST, bigram_buckets=7, feed_forward_size=5),
    LocalWaveConfig(**SMALLEST, bigram_buckets=7, feed_forward_size=5, members=2, linear_size=300),
    LocalWaveConfig(
        **SMALLEST, bigram_buckets=7, feed_forward_size=5, linear_size=100, sparse_linear_size=20
    ),
]
every_config = pytest.mark.parametrize("config", CONFIGS, ids=str)


def test_the_registry_needs_no_torch():
    code = "import sys, wave_network.models.registry; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["lstm", None, 3])
def test_an_unknown_architecture_is_refused(name):
    with pytest.raises(ConfigError, match="unknown architecture"):
        config_class({"architecture": name})


def test_folders_of_the_first_versions_name_no_architecture():
    assert config_class({}) is ModelConfig


@every_config
def test_declared_tensors_are_those_of_the_torch_network(config):
    state = build_model(config).state_dict()
    assert tensor_shapes(config) == {name: tuple(value.shape) for name, value in state.items()}
    weights = [value for value in state.values() if value.is_floating_point()]
    assert parameter_counts(config)["total"] == sum(value.numel() for value in weights)


@every_config
def test_declared_label_axes_grow_with_the_labels(config):
    more = config.extended(("a", "b", "c", "d", "e"), config.vocab_size)
    shapes = tensor_shapes(more)
    for spec in tensor_specs(config):
        expected = list(spec.shape)
        if spec.label_axis is not None:
            expected[spec.label_axis] += 2
        assert shapes[spec.name] == tuple(expected), spec.name


@pytest.mark.parametrize("config", [each for each in CONFIGS if each.can_be_continued], ids=str)
def test_declared_token_rows_grow_with_the_vocabulary(config):
    shapes = tensor_shapes(config.extended(config.labels, config.vocab_size + 3))
    for spec in tensor_specs(config):
        more = 3 if spec.new_token else 0
        assert shapes[spec.name] == (spec.shape[0] + more, *spec.shape[1:]), spec.name


@every_config
def test_torch_and_numpy_give_the_same_logits(config):
    from wave_network.data.batch import PackedTexts

    family = family_of(config)
    assert FAMILIES[config.architecture] is family
    network = family.torch_network(config, 0).eval()
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    ids, offsets = np.array([0, 3, 4, 0, 9], np.int32), np.array([0, 3, 5])
    found = family.numpy_network(config, tensors).logits(ids, offsets)
    expected = network(PackedTexts(ids, offsets).to_torch()).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@every_config
def test_the_sparsely_updated_tables_are_the_declared_ones(config):
    network = build_model(config)
    names = {"embedding.weight"} | ({"bigrams.weight"} if hasattr(network, "bigrams") else set())
    found = {id(table.weight) for table in network.row_tables()}
    assert found == {id(network.get_parameter(name)) for name in names}


@pytest.mark.parametrize("config", CONFIGS[2:], ids=str)
def test_the_compiled_code_takes_the_tables_in_this_order(config):
    assert table_names(config) == [
        f"{name}.weight" for name in ("embedding", "bigrams", "linear.tokens", "linear.bigrams")
    ]


def test_the_compiled_code_takes_the_heads_in_this_order():
    assert head_names(CONFIGS[-1]) == [
        *("feed_forward.weight", "feed_forward.bias", "norm.weight", "norm.bias"),
        *("classifier.weight", "classifier.bias", "shortcut.weight", "shortcut.bias"),
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (CONFIGS[1], "2 layer(s), 4 wide, modulation, cls pooling, magnitude read-out"),
        (CONFIGS[3], "2 members, each 4 wide, local modulation, 7 buckets of token pairs,"),
    ],
)
def test_descriptions(config, said):
    assert family_of(config).description(config).startswith(said)
