"""The family `wave`: the papers' network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wave_network.config import ModelConfig
from wave_network.models.family import Family, NumpyNetwork, TextFeatures
from wave_network.models.numpy_ops import Integers
from wave_network.models.tensor_spec import Tensors
from wave_network.models.wave.tensors import tensor_specs

if TYPE_CHECKING:
    from wave_network.export.graph import Graph
    from wave_network.models.torch_network import ClassifierNetwork
    from wave_network.models.wave.numpy_network import NumpyWaveNetwork


def _description(config: ModelConfig) -> str:
    return (
        f"{config.num_layers} layer(s), {config.hidden_size} wide, {config.operation}, "
        f"{config.pooling} pooling, {config.readout} read-out"
    )


def _torch_network(config: ModelConfig, seed: int | None) -> ClassifierNetwork:
    from wave_network.models.wave.network import WaveNetwork, seeded_network

    return WaveNetwork(config) if seed is None else seeded_network(config, seed)


def _numpy_network(config: ModelConfig, tensors: Tensors) -> NumpyNetwork:
    from wave_network.models.wave.numpy_network import NumpyWaveNetwork

    return NumpyWaveNetwork(config, tensors)


def _text_features(
    network: NumpyWaveNetwork,
    ids: Integers,
    offsets: Integers,
    sentence_offsets: Integers | None,
    _: Integers,
) -> TextFeatures:
    from wave_network.models.wave.attribution import WaveFeatures

    return WaveFeatures(network, ids, offsets, sentence_offsets)


def _onnx_logits(graph: Graph, config: ModelConfig) -> str:
    from wave_network.models.wave.onnx import onnx_logits

    return onnx_logits(graph, config)


WAVE: Final = Family(
    config=ModelConfig,
    tensor_specs=tensor_specs,
    description=_description,
    torch_network=_torch_network,
    numpy_network=_numpy_network,
    text_features=_text_features,
    onnx_logits=_onnx_logits,
)
