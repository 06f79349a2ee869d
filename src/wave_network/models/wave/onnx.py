"""The papers' network as an ONNX graph. Rows are padded; padding does not affect the results.

Each function mirrors its NumPy form in `numpy_network.py`, step by step. Padding is set to 0 after
the projections, because it would otherwise count through their biases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from wave_network.config import ModelConfig, Readout
from wave_network.models.wave.positions import sinusoidal_positions

if TYPE_CHECKING:
    from wave_network.export.graph import Graph


class _Wave(NamedTuple):
    """The names of a wave's two parts in the graph."""

    real: str
    imag: str


def _magnitude(graph: Graph, wave: _Wave) -> str:
    squares = (graph.op("Mul", part, part) for part in wave)
    return graph.op("Sqrt", graph.op("Add", *squares))


READOUTS: Final[Mapping[Readout, Callable[[Graph, _Wave], str]]] = {
    "concat": lambda graph, wave: graph.op("Concat", *wave, axis=-1),
    "magnitude": _magnitude,
    "real": lambda _, wave: wave.real,
    "imaginary": lambda _, wave: wave.imag,
}


def onnx_logits(graph: Graph, config: ModelConfig) -> str:
    """As `NumpyWaveNetwork.logits`."""
    hidden = _hidden(graph, config)  # (batch, hidden) with [CLS] pooling, else (batch, length, ...)
    if config.pooling == "mean":
        total = graph.sum_tokens(graph.op("Mul", hidden, graph.mask))
        hidden = graph.op("Div", total, graph.lengths)
    return _linear(graph, "classifier", hidden)


def _hidden(graph: Graph, config: ModelConfig) -> str:
    """Append the layers; several layers have residual connections (Eq. 8)."""
    op = graph.op
    hidden = graph.rows("embedding", graph.ids)  # (batch, length, embedding)
    if config.positions != "none":
        hidden = op("Add", hidden, _position_rows(graph, config))
    for layer in range(config.num_layers):
        last = layer == config.num_layers - 1
        only_first = last and config.pooling == "cls"
        variants = hidden
        if config.variants == "linear":
            variants = _linear(graph, f"layers.{layer}.variants", hidden)
        output = _layer(graph, config, layer, variants, only_first)
        if config.num_layers == 1:
            return output
        hidden = op("Add", _first(graph, hidden) if only_first else hidden, output)
    return hidden


def _layer(graph: Graph, config: ModelConfig, layer: int, variants: str, only_first: bool) -> str:
    """As `NumpyWaveNetwork._layer`; (batch, hidden) if `only_first`."""
    variants = graph.op("Mul", variants, graph.mask)  # removes the bias from padding
    halves = graph.split("Split", variants, outputs=2, axis=2)
    represent = _represent_first if only_first else _represent
    first, second = (represent(graph, half) for half in halves)
    real = READOUTS[config.readout](graph, _combine(graph, first, second, config.operation))
    hidden = graph.gelu(_linear(graph, f"layers.{layer}.feed_forward", real))
    return graph.layer_norm(hidden, f"layers.{layer}.norm", config.hidden_size)


def _represent(graph: Graph, values: str) -> _Wave:
    """As `numpy_ops.represent`; of (batch, length, hidden)."""
    op = graph.op
    energy = op("Mul", values, values)
    total = op("ReduceSum", energy, graph.integers(1))  # (batch, 1, hidden)
    others = op("Sub", total, energy)
    dominant = op("Greater", energy, others)
    small = op("Where", dominant, graph.number(0.0), energy)
    rest = op("ReduceSum", small, graph.integers(1))
    return _Wave(values, op("Sqrt", op("Where", dominant, rest, others)))


def _represent_first(graph: Graph, values: str) -> _Wave:
    """As `numpy_ops.represent_first`; (batch, hidden) from (batch, length, hidden)."""
    op = graph.op
    place = op("CumSum", graph.whole_mask, graph.integer(1))
    is_other = op("Greater", place, graph.integers(1))  # (batch, length)
    others = op("Unsqueeze", op("Cast", is_other, to=1), graph.integers(2))
    context = graph.sum_tokens(op("Mul", op("Mul", values, values), others))
    return _Wave(_first(graph, values), op("Sqrt", context))


def _first(graph: Graph, values: str) -> str:
    """Take the row of each text's `[CLS]`, also with padding on the left; (batch, columns)."""
    start = graph.op("ArgMax", graph.whole_mask, axis=1, keepdims=1)  # (batch, 1)
    return graph.op("GatherND", values, start, batch_dims=1)


def _combine(graph: Graph, first: _Wave, second: _Wave, operation: str) -> _Wave:
    op = graph.op
    if operation == "interference":
        return _Wave(op("Add", first.real, second.real), op("Add", first.imag, second.imag))
    return _Wave(
        op("Sub", op("Mul", first.real, second.real), op("Mul", first.imag, second.imag)),
        op("Add", op("Mul", first.real, second.imag), op("Mul", second.real, first.imag)),
    )


def _position_rows(graph: Graph, config: ModelConfig) -> str:
    """Look up the row of each token's position in its text; (batch, length, embedding)."""
    op = graph.op
    if config.positions == "learned":
        table = graph.weight("positions.weight")
    else:
        values = sinusoidal_positions(
            config.max_length, config.embedding_size, config.initializer_range
        )
        table = graph.fixed_table("positions", values)
    place = op("Sub", op("CumSum", graph.whole_mask, graph.integer(1)), graph.integers(1))
    return op("Gather", table, op("Max", place, graph.integers(0)))


def _linear(graph: Graph, name: str, values: str) -> str:
    product = graph.op("MatMul", values, graph.weight(f"{name}.weight", transposed=True))
    return graph.op("Add", product, graph.weight(f"{name}.bias"))
