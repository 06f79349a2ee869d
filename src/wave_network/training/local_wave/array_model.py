"""The NumPy form of a model in training: a local wave network that the native module trains."""

from __future__ import annotations

from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig, LocalWaveConfig, TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.labels import Labelling
from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork
from wave_network.models.local_wave.tensors import head_names
from wave_network.models.tensor_spec import Tensors
from wave_network.training.local_wave.compiled_steps import CompiledSteps

_TOKENS_AT_ONCE: Final = 1 << 16  # bounds the memory of `logits`


class ArrayModel:
    """A `TrainableModel` of arrays.

    Args:
        config: The model's configuration, of the family `local_wave`.
        tensors: Its tensors, which training changes in place; those of the heads are copied.
    """

    def __init__(self, config: ClassifierConfig, tensors: Tensors) -> None:
        assert isinstance(config, LocalWaveConfig)
        self.config = config
        names = head_names(config)
        # The native step takes the heads in one piece.
        self.heads: NDArray[np.float32] = np.concatenate([tensors[name].ravel() for name in names])
        bounds = np.cumsum([prod(tensors[name].shape) for name in names])
        parts = np.split(self.heads, bounds[:-1])
        views = {
            name: part.reshape(tensors[name].shape) for name, part in zip(names, parts, strict=True)
        }
        self.tensors: Tensors = {**tensors, **views}

    @property
    def trained(self) -> Tensors:
        """See `TrainableModel`."""
        tables = {name: self.tensors[name] for name in ("embedding.weight", "bigrams.weight")}
        return {**tables, "heads": self.heads}

    def logits(self, texts: PackedTexts) -> NDArray[np.float32]:
        """See `TrainableModel`."""
        network = NumpyLocalWaveNetwork(self.config, self.tensors)
        logits = np.empty((len(texts), self.config.num_labels), np.float32)
        for start, stop in texts.chunks(_TOKENS_AT_ONCE):
            part = texts.between(start, stop)
            logits[start:stop] = network.logits(part.ids, part.offsets)
        return logits

    def steps(
        self,
        texts: PackedTexts,
        config: TrainConfig,
        count: int,
        labelling: Labelling,
    ) -> CompiledSteps:
        """See `TrainableModel`; the labelling is that of the configuration."""
        return CompiledSteps(self, texts, config, count)

    def finish(self) -> None:
        """See `TrainableModel`; nothing is to be done."""
