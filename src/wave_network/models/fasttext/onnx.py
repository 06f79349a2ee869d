"""A fastText model as an ONNX graph. Rows are padded; padding does not affect results.

Ids from the size of the table on stand for words that it does not have: they count for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wave_network.config import FastTextConfig
from wave_network.errors import ConfigError
from wave_network.models.fasttext.matrix import matrix_of
from wave_network.models.fasttext.network import SIGMOID_REACH, SIGMOID_STEPS

if TYPE_CHECKING:
    from wave_network.export.graph import Graph

_CERTAIN = 1e4  # a logit whose sigmoid is 1


def onnx_logits(graph: Graph, config: FastTextConfig) -> str:
    """As `NumpyFastTextNetwork.logits`, but logits.

    Raises:
        ConfigError: If its probabilities are neither the softmax nor the sigmoids of logits.
    """
    if config.loss not in ("softmax", "ova"):
        raise ConfigError(
            f"a fastText model with the loss {config.loss} cannot be exported to ONNX, as its "
            "probabilities are neither a softmax nor multi-label: export it to the web, or serve it"
        )
    op = graph.op
    is_word = op("Less", graph.ids, graph.integer(config.vocab_size))
    ids = op("Where", is_word, graph.ids, graph.integer(0))
    mask = op("Where", op("Unsqueeze", is_word, graph.integers(2)), graph.mask, graph.number(0.0))
    total = graph.sum_tokens(op("Mul", _rows(graph, config, ids), mask))
    count = op("Max", graph.sum_tokens(mask), graph.number(1.0))
    output = matrix_of(graph.tensors, "output", config.output_block)
    weight = graph.fixed_table("output", output.rows(np.arange(config.num_labels)).T)
    outputs = op("MatMul", op("Div", total, count), weight)
    return outputs if config.loss == "softmax" else _tabled(graph, outputs)


def _rows(graph: Graph, config: FastTextConfig, ids: str) -> str:
    if not config.input_block:
        return graph.rows("input", ids)
    table = matrix_of(graph.tensors, "input", config.input_block)
    rows = table.rows(np.arange(config.vocab_size))
    return graph.op("Gather", graph.fixed_table("input", rows), ids)


def _tabled(graph: Graph, outputs: str) -> str:
    """Round logits down to those of fastText's table of the sigmoid, which ends at 0 and 1."""
    op, reach = graph.op, graph.number(float(SIGMOID_REACH))
    steps = graph.number(SIGMOID_STEPS / (2 * SIGMOID_REACH))
    whole = op("Floor", op("Mul", op("Add", outputs, reach), steps))
    rounded = op("Sub", op("Div", whole, steps), reach)
    for end, is_beyond in ((-1, "Less"), (1, "Greater")):
        beyond = op(is_beyond, outputs, graph.number(float(end * SIGMOID_REACH)))
        rounded = op("Where", beyond, graph.number(end * _CERTAIN), rounded)
    return rounded
