"""The model that a training run trains: NumPy arrays, or a torch network where these do not do.

`small`, `tiny` and `large` are trained by the native module, on arrays. Other models need torch, as
do GPUs, gradient clipping, micro-batches and mixed precision, and so does any training without the
native module.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network.config import ClassifierConfig, LocalWaveConfig, TrainConfig
from wave_network.errors import extra_needed, option_name
from wave_network.models.tensor_spec import Tensors, initial_tensors
from wave_network.models.tensors import tensor_specs
from wave_network.training.local_wave.array_model import ArrayModel

if TYPE_CHECKING:
    from wave_network.data.batch import PackedTexts
    from wave_network.data.labels import Labelling
    from wave_network.training.checkpoint import StepsState

logger = logging.getLogger(__name__)

_WITHOUT_TORCH: Final = "small, tiny and large train without it"


class Steps(Protocol):
    """Takes the optimiser steps of a training run."""

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Take one step on some of the texts.

        Args:
            chosen: Their indices.
            generator: Draws the tokens that are dropped.

        Returns:
            The mean loss before the step, and how many texts were predicted correctly.
        """

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""

    def state(self) -> StepsState:
        """Return what the next steps depend on, besides the model's weights."""

    def restore(self, state: StepsState) -> None:
        """Go on from a state."""


class TrainableModel(Protocol):
    """A model in training."""

    @property
    def config(self) -> ClassifierConfig:
        """The model's configuration."""

    @property
    def tensors(self) -> Tensors:
        """All tensors by name. Changing them changes the model, after `finish`."""

    @property
    def trained(self) -> Tensors:
        """The arrays that steps change, as `tensors`, but possibly in other pieces."""

    def logits(self, texts: PackedTexts) -> NDArray[np.float32]:
        """Compute the logits of packed texts, float32, (texts, labels)."""

    def steps(
        self, texts: PackedTexts, config: TrainConfig, count: int, labelling: Labelling
    ) -> Steps:
        """Prepare training steps.

        Args:
            texts: Texts with hard or soft targets.
            config: How to train.
            count: Number of steps in all.
            labelling: Single-label or multi-label.
        """

    def finish(self) -> None:
        """End training: the tensors are in the memory of the CPU from now on."""


def new_model(
    config: ClassifierConfig, training: TrainConfig, tensors: Tensors | None = None
) -> TrainableModel:
    """Build the model to train.

    Args:
        config: The model's configuration.
        training: How it is trained; its seed draws the weights.
        tensors: The weights to start from, which the model may change. None: random ones.

    Raises:
        MissingExtraError: As `check_torch`.
    """
    if torch_is_needed(type(config), training) is None:
        return ArrayModel(config, tensors or initial_tensors(tensor_specs(config), training.seed))
    check_torch(type(config), training)
    from wave_network.training.torch_model import build_torch_model

    return build_torch_model(config, training.seed, tensors)


def torch_is_needed(family: type[ClassifierConfig], training: TrainConfig) -> str | None:
    """Say for what training needs torch; None if it does not.

    Args:
        family: The configuration class of the model.
        training: How it is trained.
    """
    if not issubclass(family, LocalWaveConfig):
        return f"training the papers' model ({_WITHOUT_TORCH})"
    if training.device not in ("auto", "cpu"):
        return f"training on {training.device}"
    for name, unused in (
        ("max_grad_norm", None),
        ("micro_batch_size", None),
        ("mixed_precision", "no"),
    ):
        if getattr(training, name) != unused:
            return option_name(name)
    if _native.compiled is None:
        return f"compiled code is {_native.HOW_TO_COMPILE}. Training without it"
    return None


def check_torch(family: type[ClassifierConfig], training: TrainConfig) -> None:
    """Refuse training that needs torch if it is not installed, and a device that is not here.

    Raises:
        MissingExtraError: If torch or accelerate is missing; or scikit-learn, which fits the linear
            part without compiled code.
        ConfigError: If the device is not available.
    """
    purpose = torch_is_needed(family, training)
    if purpose is None:
        return
    by_library = _native.compiled is None and issubclass(family, LocalWaveConfig)
    with extra_needed("train" if by_library else "torch", purpose):
        import accelerate  # noqa: F401

        from wave_network.training.device import resolve_device

        if by_library:  # scikit-learn fits the linear part
            import sklearn  # noqa: F401
    resolve_device(training.device)
    if by_library:
        _warn_of_slow_training()


@cache
def _warn_of_slow_training() -> None:
    logger.warning(
        "training takes four to five times as long as with compiled code, which is %s",
        _native.HOW_TO_COMPILE,
    )
