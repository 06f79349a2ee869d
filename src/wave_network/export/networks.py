"""Both architectures as ONNX graphs, on padded rows whose padding changes nothing.

Each function mirrors its NumPy form in `runtime`, step by step. Whatever is of a padding is set to
0 after the projections, as their biases would otherwise count as tokens.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, NamedTuple

from wave_network._version import __version__
from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.errors import ConfigError
from wave_network.export.graph import Graph
from wave_network.local_waves import (
    ENERGY_FLOOR,
    NGRAM_PLACES,
    PAIR_FACTORS,
    SKIP_PAIR_FACTORS,
    TRIPLE_FACTORS,
    Ngram,
)
from wave_network.model_folder import ModelFiles
from wave_network.positions import sinusoidal_positions

if TYPE_CHECKING:
    import onnx


class _Wave(NamedTuple):
    """The names of a wave's two parts."""

    real: str
    imag: str


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
    graph = Graph(files.tensors, table_bits=table_bits)
    if isinstance(config, LocalWaveConfig):
        logits = _local_wave_logits(graph, config)
    else:
        assert isinstance(config, ModelConfig)
        logits = _wave_logits(graph, config)
    if files.temperature is not None:
        logits = graph.op("Div", logits, graph.number(files.temperature))
    return graph.finish(logits, config.num_labels, __version__)


# The local wave network


def _local_wave_logits(graph: Graph, config: LocalWaveConfig) -> str:
    """As `LocalNetwork.logits`."""
    op = graph.op
    logits = _wave_part_logits(graph, config)
    return op("Add", logits, _linear_part(graph, config)) if config.linear_buckets else logits


def _wave_part_logits(graph: Graph, config: LocalWaveConfig) -> str:
    """As `LocalNetwork.read` of its features."""
    op = graph.op
    features = _local_features(graph, config)  # (members, batch, features)
    hidden = graph.gelu(_member_linear(graph, "feed_forward", features))
    hidden = graph.layer_norm(hidden, "norm", config.feed_forward_size)
    logits = op(
        "Add",
        _member_linear(graph, "classifier", hidden),
        _member_linear(graph, "shortcut", features),
    )  # (members, batch, labels)
    if config.members == 1:
        return op("Squeeze", logits, graph.integers(0))
    if config.is_multi_label:
        with_label, without = (_log_sum_of_sigmoids(graph, logits, sign) for sign in (1.0, -1.0))
        return op("Sub", with_label, without)
    each = op("LogSoftmax", logits, axis=2)
    together = op("ReduceLogSumExp", each, axes=[0], keepdims=0)
    return op("Sub", together, graph.number(log(config.members)))


def _log_sum_of_sigmoids(graph: Graph, logits: str, sign: float) -> str:
    """Of the members' logits times a sign; (batch, labels)."""
    op = graph.op
    # The sigmoid's logarithm is -softplus(-x).
    each = op("Neg", op("Softplus", op("Mul", logits, graph.number(-sign))))
    return op("ReduceLogSumExp", each, axes=[0], keepdims=0)


def _local_features(graph: Graph, config: LocalWaveConfig) -> str:
    """As `LocalNetwork._features`."""
    op, floor = graph.op, graph.number(ENERGY_FLOOR)
    rows = op("Mul", graph.rows("embedding", graph.ids), graph.mask)
    u, v = graph.split("Split", rows, outputs=2, axis=2)  # (batch, length, members * hidden)
    is_pair = _ends_ngram(graph, "pair")
    before = graph.before(u, axes=3)
    combine = "Mul" if config.operation == "modulation" else "Add"
    local = op("Mul", op(combine, v, before), is_pair)
    local_energy = graph.sum_tokens(op("Mul", local, local))
    if config.operation == "modulation":
        unit = graph.number(config.initializer_range**-2)
        local_energy = op("Mul", local_energy, unit)
    energy = graph.sum_tokens(op("Mul", u, u))
    parts = (
        op("Div", graph.sum_tokens(u), op("Sqrt", graph.lengths)),
        op("Sqrt", op("Add", energy, floor)),
        op("Sqrt", op("Add", local_energy, floor)),
        _ngram_sum(graph, "bigrams", config.bigram_buckets, ("pair",)),
    )
    shape = graph.integers(0, config.members, -1)  # 0: the batch, as it is
    by_member = [op("Reshape", part, shape) for part in parts]  # (batch, members, ...)
    return op("Transpose", op("Concat", *by_member, axis=2), perm=[1, 0, 2])


def _linear_part(graph: Graph, config: LocalWaveConfig) -> str:
    """As `LocalNetwork.margins`."""
    op = graph.op
    tokens = graph.sum_tokens(op("Mul", graph.rows("linear.tokens", graph.ids), graph.mask))
    tokens = op("Div", tokens, op("Sqrt", graph.lengths))
    ngrams = _ngram_sum(graph, "linear.bigrams", config.linear_buckets, config.linear_ngrams)
    return op("Add", op("Add", tokens, ngrams), graph.weight("linear.bias"))


def _ends_ngram(graph: Graph, ngram: Ngram) -> str:
    """1 for a token at which an n-gram of that kind ends, else 0, (batch, length, 1)."""
    first = graph.mask  # of the n-gram's tokens; those of a text stand side by side
    for _ in range(max(NGRAM_PLACES[ngram])):
        first = graph.before(first, axes=3)
    return graph.op("Mul", graph.mask, first)


def _ngram_buckets(graph: Graph, ngram: Ngram, size: int) -> str:
    """As `ngram_buckets`, of the n-gram that ends at each token; (batch, length)."""

    def bucket(first: str, second: str, factors: tuple[int, int]) -> str:
        products = (
            graph.op("Mul", ids, graph.integers(factor))
            for ids, factor in zip((first, second), factors, strict=True)
        )
        return graph.op("Mod", graph.op("Add", *products), graph.integers(size))

    before = graph.before(graph.ids, axes=2)
    if ngram == "pair":
        return bucket(before, graph.ids, PAIR_FACTORS)
    first = graph.before(before, axes=2)
    if ngram == "skip-pair":
        return bucket(first, graph.ids, SKIP_PAIR_FACTORS)
    return bucket(bucket(first, before, PAIR_FACTORS), graph.ids, TRIPLE_FACTORS)


def _ngram_sum(graph: Graph, table: str, size: int, ngrams: tuple[Ngram, ...]) -> str:
    """The rows of all n-grams of some kinds added up, by the root of the number of pairs."""
    op = graph.op
    buckets = op("Concat", *(_ngram_buckets(graph, kind, size) for kind in ngrams), axis=1)
    exist = op("Concat", *(_ends_ngram(graph, kind) for kind in ngrams), axis=1)
    total = graph.sum_tokens(op("Mul", graph.rows(table, buckets), exist))
    count = op("Max", op("Sub", graph.lengths, graph.number(1.0)), graph.number(1.0))
    return op("Div", total, op("Sqrt", count))


def _member_linear(graph: Graph, name: str, values: str) -> str:
    product = graph.op("MatMul", values, graph.weight(f"{name}.weight"))
    return graph.op("Add", product, graph.weight(f"{name}.bias"))


# The papers' model


def _wave_logits(graph: Graph, config: ModelConfig) -> str:
    """As `Network.logits`."""
    hidden = _hidden(graph, config)  # (batch, hidden) with [CLS] pooling, else (batch, length, ...)
    if config.pooling == "mean":
        total = graph.sum_tokens(graph.op("Mul", hidden, graph.mask))
        hidden = graph.op("Div", total, graph.lengths)
    return _linear(graph, "classifier", hidden)


def _hidden(graph: Graph, config: ModelConfig) -> str:
    """The last layer's output; several layers add up (Eq. 8)."""
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
    """As `Network._layer`; (batch, hidden) if only the first tokens' is wanted."""
    variants = graph.op("Mul", variants, graph.mask)  # no bias of a padding counts
    halves = graph.split("Split", variants, outputs=2, axis=2)
    represent = _represent_first if only_first else _represent
    first, second = (represent(graph, half) for half in halves)
    read = _read_out(graph, _combine(graph, first, second, config.operation), config.readout)
    hidden = graph.gelu(_linear(graph, f"layers.{layer}.feed_forward", read))
    return graph.layer_norm(hidden, f"layers.{layer}.norm", config.hidden_size)


def _represent(graph: Graph, values: str) -> _Wave:
    """As `runtime.waves.represent`; of (batch, length, hidden)."""
    op = graph.op
    energy = op("Mul", values, values)
    total = op("ReduceSum", energy, graph.integers(1))  # (batch, 1, hidden)
    others = op("Sub", total, energy)
    dominant = op("Greater", energy, others)
    small = op("Where", dominant, graph.number(0.0), energy)
    rest = op("ReduceSum", small, graph.integers(1))
    return _Wave(values, op("Sqrt", op("Where", dominant, rest, others)))


def _represent_first(graph: Graph, values: str) -> _Wave:
    """As `runtime.waves.represent_first`; (batch, hidden) of (batch, length, hidden)."""
    op = graph.op
    place = op("CumSum", graph.whole_mask, graph.integer(1))
    is_other = op("Greater", place, graph.integers(1))  # (batch, length)
    others = op("Unsqueeze", op("Cast", is_other, to=1), graph.integers(2))
    context = graph.sum_tokens(op("Mul", op("Mul", values, values), others))
    return _Wave(_first(graph, values), op("Sqrt", context))


def _first(graph: Graph, values: str) -> str:
    """Each text's `[CLS]`, wherever its padding puts it; (batch, columns)."""
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


def _read_out(graph: Graph, wave: _Wave, readout: str) -> str:
    op = graph.op
    if readout == "concat":
        return op("Concat", *wave, axis=-1)
    if readout == "magnitude":
        return op("Sqrt", op("Add", *(op("Mul", part, part) for part in wave)))
    return wave.real if readout == "real" else wave.imag


def _position_rows(graph: Graph, config: ModelConfig) -> str:
    """A row for each token, counted from its text's first; (batch, length, embedding)."""
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
