"""Training steps of a local wave network by the native module, on arrays.

A step in torch takes about a hundred operations, most of them on few numbers; here it is one call.
The results are the same except for rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads
from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.labels import labelling_of
from wave_network.data.targets import is_soft
from wave_network.models.local_wave.native import native_shape
from wave_network.training.checkpoint import StepsState
from wave_network.training.schedule import schedule_factor

if TYPE_CHECKING:
    from wave_network.training.local_wave.array_model import ArrayModel

_BETAS: Final = (0.9, 0.999)
_MEAN, _SQUARE = "_mean", "_square"
_EPSILON: Final = 1e-8  # Adam of the heads: torch's default, like the betas


class CompiledSteps:
    """Compiled training steps.

    Args:
        model: Its tensors are changed in place.
        training: Labelled texts.
        config: How to train.
        steps: Number of steps in all.
    """

    def __init__(
        self, model: ArrayModel, training: PackedTexts, config: TrainConfig, steps: int
    ) -> None:
        self._config = config
        self._factor, self._taken = schedule_factor(config, steps), 0
        self._offsets = training.offsets
        shape, tensors = model.config, model.tensors
        weights = {
            "embedding": tensors["embedding.weight"],
            "bigrams": tensors["bigrams.weight"],
            "heads": model.heads,
        }
        self._fixed: dict[str, Any] = {
            "shape": native_shape(shape),
            "hidden": shape.feed_forward_size,
            "labels": shape.num_labels,
            "multi_label": labelling_of(shape).multi_label,
            "label_smoothing": config.label_smoothing,
            "temperature": config.loss_temperature,
            "token_dropout": config.token_dropout,
            "ids": training.ids,
            "offsets": training.offsets,
            **_targets(training),
            **{f"{name}{part}": array for name in weights for part, array in _adam(weights[name])},
        }

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Take one step on the chosen texts; see `Steps`."""
        chances = None
        if self._config.token_dropout:
            tokens = int((self._offsets[chosen + 1] - self._offsets[chosen]).sum())
            chances = generator.random(tokens, dtype=np.float32)
        loss, right = _native.compiled.train_step(
            **self._fixed,
            **self._adam_numbers(),
            chosen=chosen,
            chances=chances,
            threads=threads.current(),
        )
        self._taken += 1
        return loss, right

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._config.learning_rate * self._factor(self._taken)

    def state(self) -> StepsState:
        """See `Steps`."""
        return StepsState(self._moments(), {"taken": self._taken})

    def restore(self, state: StepsState) -> None:
        """See `Steps`."""
        for name, values in self._moments().items():
            np.copyto(values, state.tensors[name])
        self._taken = state.numbers["taken"]

    def _moments(self) -> dict[str, NDArray[np.float32]]:
        """Return the moments of all weights."""
        return {
            name: array for name, array in self._fixed.items() if name.endswith((_MEAN, _SQUARE))
        }

    def _adam_numbers(self) -> dict[str, Any]:
        """Return decays and step sizes, with the bias corrections of torch's two optimisers."""
        config, rate, step = self._config, self.rate, self._taken + 1
        mean, root = 1 - _BETAS[0] ** step, (1 - _BETAS[1] ** step) ** 0.5
        return {
            "beta1": _BETAS[0],
            "beta2": _BETAS[1],
            "table_rate": rate * config.embedding_rate * root / mean,
            "table_epsilon": config.embedding_epsilon,
            "rate": rate / mean,
            "epsilon": _EPSILON,
            "decay": 1 - rate * config.weight_decay,
            "root_factor": root,
        }


def _adam(weights: NDArray[np.float32]) -> tuple[tuple[str, NDArray[np.float32]], ...]:
    """Return weights and their two moments, by the suffix of the argument's name."""
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    return ("", weights), (_MEAN, mean), (_SQUARE, square)


def _targets(training: PackedTexts) -> dict[str, Any]:
    """Return hard targets, (texts,), or soft ones, (texts, labels), and the sample weights."""
    labels = training.labels
    assert labels is not None
    soft = is_soft(labels)
    return {
        "classes": None if soft else np.ascontiguousarray(labels, np.int64),
        "targets": np.ascontiguousarray(labels, np.float32) if soft else None,
        "weights": training.weights,
    }
