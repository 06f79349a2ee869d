"""Build an ONNX graph node by node, with the steps that all model families share."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import extra_needed
from wave_network.models.tensor_spec import Tensors, TensorSpec
from wave_network.persistence.quantization import (
    HALF_BYTE_ZERO,
    pack_table,
    quantize_table,
    rows_a_scale,
)

with extra_needed("onnx", "exporting to ONNX"):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

OPSET: Final = 17
"""The version of the operators: the first with LayerNormalization. ONNX Runtime 1.12 reads it."""

_IR_VERSION: Final = 8  # released with opset 17; onnx would write its newest
_BATCH, _LENGTH = "batch", "length"


class Graph:
    """A graph under construction: each method takes the names of values and returns a new name.

    It starts with the inputs of every text classifier, padded rows of tokens.

    Args:
        tensors: The model's weights.
        specs: The declarations of these tensors.
        table_bits: The bits of each number of the embedding tables: 32, 8 or 4.

    Attributes:
        tensors: As given.
        ids: Token ids, 0 for padding, int64, (batch, length).
        mask: 1 for a token, 0 for padding, float32, (batch, length, 1).
        whole_mask: The same as int64, (batch, length).
        lengths: The number of tokens, at least 1, float32, (batch, 1).
    """

    def __init__(
        self,
        tensors: Tensors,
        specs: Sequence[TensorSpec],
        *,
        table_bits: int,
    ) -> None:
        self.tensors = tensors
        self._scaled_by_row = {spec.module for spec in specs if spec.scales == "row"}
        self._table_bits = table_bits
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self.whole_mask = "attention_mask"
        self.ids = self.op("Mul", "input_ids", self.whole_mask)
        mask = self.op("Cast", self.whole_mask, to=TensorProto.FLOAT)
        self.mask = self.op("Unsqueeze", mask, self.integers(2))
        self.lengths = self.op("Max", self.sum_tokens(self.mask), self.number(1.0))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401
        """Append a node with one output."""
        return self.split(kind, *inputs, outputs=1, **attributes)[0]

    def split(self, kind: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:  # noqa: ANN401
        """Append a node with several outputs."""
        names = [f"{kind}_{len(self._nodes)}_{number}" for number in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, names, name=names[0], **attributes))
        return names

    def integers(self, *values: int) -> str:
        """Add a constant, int64, (values,)."""
        name = f"integers_{'_'.join(map(str, values))}"
        return self._constant(name, np.array(values, np.int64))

    def integer(self, value: int) -> str:
        """Add a scalar constant, int64."""
        return self._constant(f"integer_{value}", np.array(value, np.int64))

    def number(self, value: float) -> str:
        """Add a scalar constant, float32."""
        return self._constant(f"number_{value!r}", np.array(value, np.float32))

    def weight(self, name: str, *, transposed: bool = False) -> str:
        """Add a tensor of the model."""
        tensor = self.tensors[name]
        if transposed:
            return self._constant(f"{name}.transposed", np.ascontiguousarray(tensor.T))
        return self._constant(name, tensor)

    def fixed_table(self, name: str, table: NDArray[np.float32]) -> str:
        """Add a table that is computed from a formula."""
        return self._constant(name, table)

    def rows(self, table: str, indices: str) -> str:
        """Look up rows of an embedding table; only these rows are converted to float32."""
        name = f"{table}.weight"
        if self._table_bits == 32:
            return self.op("Gather", self.weight(name), indices)
        if self._table_bits == 4:
            return self._packed_rows(table, indices)
        by_row = table in self._scaled_by_row
        values, scale = quantize_table(self.tensors[name], by_row=by_row)
        found = self.op("Gather", self._constant(name, values), indices)
        factor = self._constant(f"{table}.scale", scale)
        if by_row:
            factor = self.op("Gather", factor, indices)  # (batch, length, 1)
        return self.op("Mul", self.op("Cast", found, to=TensorProto.FLOAT), factor)

    def _packed_rows(self, table: str, indices: str) -> str:
        """Like `unpack_table`: the low bits of a byte belong to the first half of the rows."""
        op, name = self.op, f"{table}.weight"
        packed, scale = pack_table(self.tensors[name])
        half = self.integer(len(packed))
        found = op("Gather", self._constant(name, packed), op("Mod", indices, half))
        both = op("Cast", found, to=TensorProto.FLOAT)
        upper = op("Floor", op("Mul", both, self.number(1 / 16)))
        lower = op("Sub", both, op("Mul", upper, self.number(16.0)))
        is_upper = op("Unsqueeze", op("GreaterOrEqual", indices, half), self.integers(2))
        levels = op("Sub", op("Where", is_upper, upper, lower), self.number(float(HALF_BYTE_ZERO)))
        block = op("Div", indices, self.integer(rows_a_scale(packed.shape[1])))
        factor = op("Gather", self._constant(f"{table}.scale", scale), block)
        return op("Mul", levels, op("Cast", factor, to=TensorProto.FLOAT))

    def sum_tokens(self, values: str) -> str:
        """Sum over the tokens: (batch, columns) from (batch, length, columns)."""
        return self.op("ReduceSum", values, self.integers(1), keepdims=0)

    def before(self, values: str, *, axes: int) -> str:
        """Return the predecessor of every token: shifted by one place, with 0 for the first.

        Args:
            values: (batch, length) or (batch, length, columns).
            axes: The number of axes of `values`.
        """
        pads = [0] * (2 * axes)
        pads[1] = 1
        longer = self.op("Pad", values, self.integers(*pads))
        return self.op("Slice", longer, self.integers(0), self.integers(-1), self.integers(1))

    def whole(self, values: str) -> str:
        """Convert to int64."""
        return self.op("Cast", values, to=TensorProto.INT64)

    def repeat(self, counts: str) -> tuple[str, str]:
        """Repeat each index as often as its count says.

        Args:
            counts: int64, (indices,).

        Returns:
            The repeated indices, and for each its number among its own repetitions, from 0; both
            int64, (sum of the counts,).
        """
        op, first = self.op, self.integer(0)
        total = op("ReduceSum", counts, self.integers(0), keepdims=0)
        begins = op("Sub", op("CumSum", counts, first), counts)
        ones = op("Add", op("Mul", counts, first), self.integer(1))
        free = self._zeros(op("Add", total, self.integers(1)), np.int64)
        marks = op("ScatterElements", free, begins, ones, axis=0, reduction="add")
        upto = op("Sub", op("CumSum", marks, first), self.integer(1))
        which = op("Slice", upto, self.integers(0), self.integers(-1), self.integers(0))
        places = op("Range", first, total, self.integer(1))
        return which, op("Sub", places, op("Gather", begins, which))

    def sum_at(self, places: str, values: str, size: str) -> str:
        """Sum values by their places; float32, (size,).

        Args:
            places: int64, (values,).
            values: float32, (values,).
            size: int64, (1,).
        """
        zeros = self._zeros(size, np.float32)
        return self.op("ScatterElements", zeros, places, values, axis=0, reduction="add")

    def _zeros(self, shape: str, dtype: type[np.number]) -> str:
        value = numpy_helper.from_array(np.zeros(1, dtype))
        return self.op("ConstantOfShape", shape, value=value)

    def gelu(self, values: str) -> str:
        """GELU in its tanh form, as in training; opset 17 has no operator for it."""
        square = self.op("Mul", values, values)
        inner = self.op("Mul", square, self.number(0.044715))
        inner = self.op("Mul", self.op("Add", inner, self.number(1.0)), values)
        curve = self.op("Tanh", self.op("Mul", inner, self.number(sqrt(2 / pi))))
        share = self.op("Add", curve, self.number(1.0))
        return self.op("Mul", self.op("Mul", share, values), self.number(0.5))

    def layer_norm(self, values: str, name: str, size: int) -> str:
        """LayerNorm over the last axis with torch's epsilon, then the model's scale and shift.

        Args:
            values: (..., size).
            name: The name of the weights, which may have further axes.
            size: The length of the last axis.
        """
        ones = self._constant(f"ones_{size}", np.ones(size, np.float32))
        normal = self.op("LayerNormalization", values, ones, axis=-1, epsilon=1e-5)
        scaled = self.op("Mul", normal, self.weight(f"{name}.weight"))
        return self.op("Add", scaled, self.weight(f"{name}.bias"))

    def finish(self, logits: str, labels: int, producer_version: str) -> onnx.ModelProto:
        """Return the whole model, checked: `input_ids` and `attention_mask` to `logits`."""
        self._nodes.append(helper.make_node("Identity", [logits], ["logits"], name="logits"))
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, [_BATCH, _LENGTH])
            for name in ("input_ids", "attention_mask")
        ]
        output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [_BATCH, labels])
        graph = helper.make_graph(
            self._nodes, "wave-network", inputs, [output], list(self._initializers.values())
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="wave-network",
            producer_version=producer_version,
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name
