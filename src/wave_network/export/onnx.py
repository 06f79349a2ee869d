"""A model of any family as an ONNX graph, on padded rows whose padding changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wave_network._version import __version__
from wave_network.errors import ConfigError
from wave_network.export.graph import Graph
from wave_network.models.registry import family_of
from wave_network.persistence.folder import ModelFiles

if TYPE_CHECKING:
    import onnx


def build_onnx(files: ModelFiles, *, table_bits: int) -> onnx.ModelProto:
    """The model as an ONNX graph.

    Its inputs are `input_ids` and `attention_mask`, int64, (batch, length), both axes of any size,
    padded on either side; its output is `logits`, float32, (batch, labels), whose softmax are the
    probabilities; of a multi-label model their sigmoid is each label's own.

    Args:
        files: The model.
        table_bits: Of a number of the embedding tables: 32, or 8 or 4, as `wave-network quantize`
            stores them.

    Raises:
        ConfigError: If the model needs what the inputs cannot say: where sentences start; or its
            tables cannot be stored in that few bits.
        MissingExtraError: If onnx is not installed.
    """
    config = files.config
    if config.reads_sentences:
        raise ConfigError(
            "a model with sentence-level semantics cannot be exported to ONNX: the usual inputs "
            "do not say where sentences start"
        )
    family = family_of(config)
    graph = Graph(files.tensors, family.tensor_specs(config), table_bits=table_bits)
    logits = family.onnx_logits(graph, config)
    if files.temperature is not None:
        logits = graph.op("Div", logits, graph.number(files.temperature))
    return graph.finish(logits, config.num_labels, __version__)
