"""The family `local-wave`: the network of `small`, `tiny` and `large`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wave_network.config import LocalWaveConfig
from wave_network.models.family import Family, NumpyNetwork, TextFeatures
from wave_network.models.local_wave.tensors import tensor_specs
from wave_network.models.numpy_ops import Integers
from wave_network.models.tensor_spec import Tensors

if TYPE_CHECKING:
    from wave_network.export.graph import Graph
    from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork
    from wave_network.models.torch_network import ClassifierNetwork


def _description(config: LocalWaveConfig) -> str:
    members = f"{config.members} members, each " if config.members > 1 else ""
    linear = f", a linear part with {config.linear_buckets:,}" if config.has_linear_part else ""
    if config.sparse_linear_size:
        linear += f" and {config.sparse_linear_size:,} weights"
    return (
        f"{members}{config.hidden_size} wide, local {config.operation}, "
        f"{config.bigram_buckets:,} buckets of token pairs{linear}"
    )


def _torch_network(config: LocalWaveConfig, seed: int | None) -> ClassifierNetwork:
    from wave_network.models.local_wave.network import LocalWaveNetwork

    return LocalWaveNetwork(config, seed)


def _numpy_network(config: LocalWaveConfig, tensors: Tensors) -> NumpyNetwork:
    from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork

    return NumpyLocalWaveNetwork(config, tensors)


def _text_features(
    network: NumpyLocalWaveNetwork,
    ids: Integers,
    offsets: Integers,
    _: Integers | None,
    empty: Integers,
) -> TextFeatures:
    from wave_network.models.local_wave.attribution import LocalWaveFeatures

    return LocalWaveFeatures(network, ids, offsets, empty)


def _onnx_logits(graph: Graph, config: LocalWaveConfig) -> str:
    from wave_network.models.local_wave.onnx import onnx_logits

    return onnx_logits(graph, config)


LOCAL_WAVE: Final = Family(
    config=LocalWaveConfig,
    tensor_specs=tensor_specs,
    description=_description,
    torch_network=_torch_network,
    numpy_network=_numpy_network,
    text_features=_text_features,
    onnx_logits=_onnx_logits,
)
