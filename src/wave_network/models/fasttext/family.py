"""The family `fasttext`: models that fastText trained, which predict here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from wave_network.config import FastTextConfig
from wave_network.errors import ConfigError
from wave_network.models.family import Family, NumpyNetwork, TextFeatures
from wave_network.models.fasttext.tensors import tensor_specs
from wave_network.models.numpy_ops import Integers
from wave_network.models.tensor_spec import Tensors

if TYPE_CHECKING:
    from wave_network.export.graph import Graph
    from wave_network.models.fasttext.network import NumpyFastTextNetwork


def _description(config: FastTextConfig) -> str:
    coded = ", product-quantised" if config.input_block else ""
    return f"fastText, {config.dimensions} wide, {config.loss}{coded}"


def _torch_network(config: FastTextConfig, seed: int | None) -> NoReturn:
    raise ConfigError("a model of fastText cannot be trained here: it only predicts")


def _numpy_network(config: FastTextConfig, tensors: Tensors) -> NumpyNetwork:
    from wave_network.models.fasttext.network import NumpyFastTextNetwork

    return NumpyFastTextNetwork(config, tensors)


def _text_features(
    network: NumpyFastTextNetwork,
    ids: Integers,
    offsets: Integers,
    _: Integers | None,
    empty: Integers,
) -> TextFeatures:
    from wave_network.models.fasttext.attribution import FastTextFeatures

    return FastTextFeatures(network, ids, offsets, empty)


def _onnx_logits(graph: Graph, config: FastTextConfig) -> str:
    from wave_network.models.fasttext.onnx import onnx_logits

    return onnx_logits(graph, config)


FASTTEXT: Final = Family(
    config=FastTextConfig,
    tensor_specs=tensor_specs,
    description=_description,
    torch_network=_torch_network,
    numpy_network=_numpy_network,
    text_features=_text_features,
    onnx_logits=_onnx_logits,
)
