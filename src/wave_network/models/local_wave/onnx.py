"""The local wave network as an ONNX graph. Rows are padded; padding does not affect results.

Each function mirrors its NumPy form in `numpy_network.py`, step by step.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from wave_network.config import LocalWaveConfig, Ngram
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, NGRAMS

if TYPE_CHECKING:
    from wave_network.export.graph import Graph


def onnx_logits(graph: Graph, config: LocalWaveConfig) -> str:
    """As `NumpyLocalWaveNetwork.logits`."""
    op = graph.op
    logits = _wave_part_logits(graph, config)
    if config.sparse_linear_size:
        return op("Add", logits, _sparse_linear_part(graph, config))
    return op("Add", logits, _linear_part(graph, config)) if config.has_linear_part else logits


def _wave_part_logits(graph: Graph, config: LocalWaveConfig) -> str:
    """As `NumpyLocalWaveNetwork.features` and `head_logits`."""
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
    """Log-sum-exp over the members of log sigmoid(sign * logits); (batch, labels)."""
    op = graph.op
    # log sigmoid(x) = -softplus(-x)
    each = op("Neg", op("Softplus", op("Mul", logits, graph.number(-sign))))
    return op("ReduceLogSumExp", each, axes=[0], keepdims=0)


def _local_features(graph: Graph, config: LocalWaveConfig) -> str:
    """As `NumpyLocalWaveNetwork.features`."""
    op, floor = graph.op, graph.number(ENERGY_FLOOR)
    rows = op("Mul", graph.rows("embedding", graph.ids), graph.mask)
    u, v = graph.split("Split", rows, outputs=2, axis=2)  # (batch, length, members * hidden)
    is_bigram = _ends_ngram(graph, "pair")
    before = graph.before(u, axes=3)
    combine = "Mul" if config.operation == "modulation" else "Add"
    local = op("Mul", op(combine, v, before), is_bigram)
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
    """As `NumpyLocalWaveNetwork.linear_logits`."""
    op = graph.op
    tokens = graph.sum_tokens(op("Mul", graph.rows("linear.tokens", graph.ids), graph.mask))
    tokens = op("Div", tokens, op("Sqrt", graph.lengths))
    ngrams = _ngram_sum(graph, "linear.bigrams", config.linear_buckets, config.linear_ngrams)
    return op("Add", op("Add", tokens, ngrams), graph.weight("linear.bias"))


def _sparse_linear_part(graph: Graph, config: LocalWaveConfig) -> str:
    """As `SparseLinear.logits`, in float32; what is padding has a scale of 0."""
    op, one = graph.op, graph.number(1.0)
    rows, scales = [graph.ids], [_per_root(graph, graph.mask, graph.lengths)]
    bigrams = op("Max", op("Sub", graph.lengths, one), one)
    for kind in config.linear_ngrams:
        buckets = _ngram_buckets(graph, kind, config.linear_buckets)
        rows.append(op("Add", buckets, graph.integer(config.vocab_size)))
        scales.append(_per_root(graph, _ends_ngram(graph, kind), bigrams))
    scale = op("Concat", *scales, axis=1)  # (batch, tokens and n-grams)
    shape = op("Shape", scale)
    batch, width = (op("Gather", shape, graph.integers(axis)) for axis in (0, 1))
    flat = op("Reshape", op("Concat", *rows, axis=1), graph.integers(-1))
    starts = graph.weight("linear.starts")
    begins = graph.whole(op("Gather", starts, flat))
    ends = graph.whole(op("Gather", starts, op("Add", flat, graph.integer(1))))
    which, within = graph.repeat(op("Sub", ends, begins))
    entries = op("Add", op("Gather", begins, which), within)  # of all rows, one after the other
    values = graph.rows("linear.values", op("Unsqueeze", entries, graph.integers(0)))
    factors = op("Gather", op("Reshape", scale, graph.integers(-1)), which)
    values = op("Mul", op("Reshape", values, graph.integers(-1)), factors)
    labels = graph.whole(op("Gather", graph.weight("linear.labels"), entries))
    count = graph.integers(config.num_labels)
    places = op("Add", op("Mul", op("Div", which, width), count), labels)
    sums = graph.sum_at(places, values, op("Mul", batch, count))
    logits = op("Reshape", sums, graph.integers(-1, config.num_labels))
    return op("Add", logits, graph.weight("linear.bias"))


def _per_root(graph: Graph, mask: str, number: str) -> str:
    """Divide a mask, (batch, length, 1), by the root of a number, (batch, 1); (batch, length)."""
    return graph.op("Div", graph.op("Squeeze", mask, graph.integers(2)), graph.op("Sqrt", number))


def _ends_ngram(graph: Graph, ngram: Ngram) -> str:
    """Return 1 where an n-gram of that kind ends, else 0, (batch, length, 1)."""
    first = graph.mask  # of the n-gram's first token
    for _ in range(NGRAMS[ngram].reach):
        first = graph.before(first, axes=3)
    return graph.op("Mul", graph.mask, first)


def _ngram_buckets(graph: Graph, ngram: Ngram, size: int) -> str:
    """As `ngrams.ngram_buckets`, for the n-gram that ends at each token; (batch, length)."""
    kind = NGRAMS[ngram]
    before = [graph.ids]  # the ids, shifted by 0, 1, ... places
    for _ in range(kind.reach):
        before.append(graph.before(before[-1], axes=2))
    found = before[kind.reach]
    for place, factors in zip(kind.places[1:], kind.factors, strict=True):
        products = (
            graph.op("Mul", ids, graph.integers(factor))
            for ids, factor in zip((found, before[place]), factors, strict=True)
        )
        found = graph.op("Mod", graph.op("Add", *products), graph.integers(size))
    return found


def _ngram_sum(graph: Graph, table: str, size: int, ngrams: tuple[Ngram, ...]) -> str:
    """Sum the rows of all n-grams of some kinds; divide by the root of the number of bigrams."""
    op = graph.op
    buckets = op("Concat", *(_ngram_buckets(graph, kind, size) for kind in ngrams), axis=1)
    exist = op("Concat", *(_ends_ngram(graph, kind) for kind in ngrams), axis=1)
    total = graph.sum_tokens(op("Mul", graph.rows(table, buckets), exist))
    count = op("Max", op("Sub", graph.lengths, graph.number(1.0)), graph.number(1.0))
    return op("Div", total, op("Sqrt", count))


def _member_linear(graph: Graph, name: str, values: str) -> str:
    product = graph.op("MatMul", values, graph.weight(f"{name}.weight"))
    return graph.op("Add", product, graph.weight(f"{name}.bias"))
