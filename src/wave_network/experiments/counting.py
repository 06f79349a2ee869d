"""What a forward pass really costs: operations, bytes and seconds, as torch sees them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from wave_network.data.batch import PackedBatch

_REDUCTIONS: Final = ("native_layer_norm", "sum")
_BAGS: Final = ("_embedding_bag", "_embedding_bag_forward_only")

_FEWEST: Final = 3
_MOST: Final = 30
_ENOUGH_SECONDS: Final = 0.5


def matmul_flops(model: nn.Module, batch: PackedBatch) -> int:
    """FLOPs of the matrix products of a forward pass, by torch's own counter.

    Attention is computed by matrix products here, as the counter does not see inside fused ones.
    """
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(batch)
    return int(counter.get_total_flops())


def elementwise_operations(model: nn.Module, batch: PackedBatch) -> int:
    """Operations of a forward pass on single numbers.

    One for each number that an elementwise operation writes, and one for each that a sum or a
    norm reads; not those of indices.
    """
    counter = _ElementwiseCounter()
    with torch.no_grad(), counter:
        model(batch)
    return counter.total


class _ElementwiseCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in _BAGS:
            self.total += args[1].numel() * args[0].shape[1]
        elif name in _REDUCTIONS and args[0].is_floating_point():
            self.total += args[0].numel()
        elif torch.Tag.pointwise in func.tags and result.is_floating_point():
            self.total += result.numel()
        return result


def kept_bytes(model: nn.Module, batch: PackedBatch) -> int:
    """Bytes that a forward pass stores for the backward pass.

    Every storage counts once. The model's own parameters and buffers and the batch do not count.
    """
    own = [*model.parameters(), *model.buffers(), batch.ids, batch.offsets]
    known = {tensor.untyped_storage().data_ptr() for tensor in own}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in known:
            kept.setdefault(address, tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = model(batch)
    assert result.requires_grad  # what is stored lives as long as the result
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def median_seconds(step: Callable[[], object], device: torch.device) -> float:
    """The median time of a step, after one to warm up: of three, of more if it is short.

    Args:
        step: What to time.
        device: Is waited for.
    """

    def once() -> float:
        started = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started

    once()
    seconds = [once() for _ in range(_FEWEST)]
    while len(seconds) < _MOST and sum(seconds) < _ENOUGH_SECONDS:
        seconds.append(once())
    return statistics.median(seconds)
