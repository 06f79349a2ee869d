"""Random numbers of the torch networks, drawn without torch's global generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_DRAWS: Final = (Tensor.uniform_, Tensor.normal_)
_INITIALIZERS: Final = (nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_)


class DrawnFrom(TorchFunctionMode):
    """Within this context, initial weights are drawn from a generator, in this thread alone.

    Modules of torch would otherwise draw them from the global generator, which belongs to the user.

    Args:
        generator: The generator, on the CPU.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Call a function of torch, and pass the generator to those that draw weights."""
        given = dict(kwargs or {})
        if func in _DRAWS or func in _INITIALIZERS:
            given["generator"] = self._generator
        return func(*args, **given)


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own; without one, as torch's does.

    Args:
        rate: Probability of zeroing an element in training, below 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self._generator: torch.Generator | None = None

    def draw_from(self, generator: torch.Generator) -> None:
        """Draw from this generator; on another device, from one with its seed."""
        self._generator = generator

    def generator_on(self, device: torch.device) -> torch.Generator | None:
        """Return the generator that draws on a device; None without one of its own."""
        if self._generator is not None and self._generator.device != device:
            seed = self._generator.initial_seed()
            self._generator = torch.Generator(device).manual_seed(seed)
        return self._generator

    def forward(self, values: Tensor) -> Tensor:
        """Zero elements at random in training mode, and scale the others by 1 / (1 - rate)."""
        if not self.training or not self.rate:
            return values
        generator = self.generator_on(values.device)
        if generator is None:
            return nn.functional.dropout(values, self.rate)
        keep = torch.empty_like(values).bernoulli_(1 - self.rate, generator=generator)
        return values * keep.div_(1 - self.rate)
