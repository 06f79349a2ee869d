"""Training steps of a local wave network by `_local_steps.c`, on the CPU.

Torch takes some hundred operations a step, most of them on few numbers; here a step is one call.
What it learns is what torch learns, but for rounding.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.targets import is_soft
from wave_network.models.local_wave.autograd import is_plain
from wave_network.models.local_wave.network import LocalWaveNetwork
from wave_network.models.local_wave.ngrams import compiled_shape
from wave_network.models.local_wave.tensors import head_names
from wave_network.training.optimizer import schedule_factor

try:
    from wave_network.training import _local_steps as compiled
except ImportError:  # there was no C compiler
    compiled = None  # type: ignore[assignment]

_BETAS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-8  # of the heads' Adam: torch's default, like the betas
_MOST_LABELS: Final = 256  # torch's matrix products pay for more


def compiled_steps(
    model: nn.Module, training: PackedTexts, config: TrainConfig, steps: int
) -> CompiledSteps | None:
    """The compiled steps of a model, or None where only torch can train it.

    They train local wave networks on the CPU, without a bound on the gradients.

    Args:
        model: On its device already.
        training: As for `CompiledSteps`, like the other arguments.
        config: Likewise.
        steps: Likewise.
    """
    if (
        compiled is not None
        and isinstance(model, LocalWaveNetwork)
        and model.config.num_labels <= _MOST_LABELS
        and config.max_grad_norm is None
        and all(map(is_plain, model.parameters()))
    ):
        return CompiledSteps(model, training, config, steps)
    return None


class CompiledSteps:
    """Steps of a `LocalWaveNetwork`, where `compiled_steps` gives them.

    Args:
        model: Its parameters are changed in place.
        training: Labelled texts.
        config: How to train.
        steps: How many there will be.
    """

    def __init__(
        self, model: LocalWaveNetwork, training: PackedTexts, config: TrainConfig, steps: int
    ) -> None:
        self._training, self._config, self._shape = training, config, model.config
        self._factor, self._taken = schedule_factor(config, steps), 0
        self._lengths = np.diff(training.offsets)
        tables = [table.weight.detach().numpy() for table in model.row_tables()]
        heads = [model.get_parameter(name) for name in head_names(model.config)]
        weights: list[NDArray[np.float32]] = [*tables, _in_one_piece(heads).numpy()]
        # Each with the two moments of Adam.
        self._trained = [item for each in weights for item in (each, *_moments(each))]
        self._targets = _targets(training, model.config.num_labels)

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Learn from the chosen texts; see `Steps`."""
        config, training = self._config, self._training
        tokens = int(self._lengths[chosen].sum()) if config.token_dropout else 0
        chances = generator.random(tokens, dtype=np.float32)
        loss, right = compiled.train_step(
            (training.ids, training.offsets, chosen, chances, *self._targets, *self._trained),
            compiled_shape(self._shape),
            self._shape.feed_forward_size,
            self._shape.num_labels,
            self._shape.is_multi_label,
            config.label_smoothing,
            config.loss_temperature,
            config.token_dropout,
            self._adam(),
        )
        self._taken += 1
        return loss, right

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._config.learning_rate * self._factor(self._taken)

    def _adam(self) -> tuple[float, ...]:
        """Decays, and step sizes with the moments' start at 0 corrected, as both optimizers do."""
        config, rate, step = self._config, self.rate, self._taken + 1
        mean, root = 1 - _BETAS[0] ** step, (1 - _BETAS[1] ** step) ** 0.5
        return (
            *_BETAS,
            *(rate * config.embedding_rate * root / mean, config.embedding_epsilon),
            *(rate / mean, _EPSILON, 1 - rate * config.weight_decay, root),
        )


def _in_one_piece(parameters: list[nn.Parameter]) -> torch.Tensor:
    """One array for all of them, of which they are parts from now on; float32, (numbers,)."""
    together = torch.cat([parameter.detach().flatten() for parameter in parameters])
    sizes = [parameter.numel() for parameter in parameters]
    for parameter, part in zip(parameters, torch.split(together, sizes), strict=True):
        parameter.data = part.view_as(parameter)
    return together


def _moments(weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.zeros_like(weights), np.zeros_like(weights)


def _targets(
    training: PackedTexts, labels: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Classes, (texts,), or answers, (texts, labels), the others empty; and weights or none."""
    given, weights = training.labels, training.weights
    assert given is not None
    if weights is None:
        weights = np.empty(0, np.float32)
    if is_soft(given):
        return np.empty(0, np.int64), np.ascontiguousarray(given, np.float32), weights
    return np.ascontiguousarray(given, np.int64), np.empty((0, labels), np.float32), weights
