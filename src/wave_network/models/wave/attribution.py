"""Features and gradients of the papers' network, for attributions: one layer, `[CLS]` pooling.

The other tokens influence the logits only through the imaginary parts of the waves of `[CLS]`:
square roots of sums of squares over these tokens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError
from wave_network.models.family import LogitsGradient
from wave_network.models.gradients import (
    combine_gradient,
    gelu_and_slope,
    layer_norm_gradient,
)
from wave_network.models.numpy_ops import Floats, Integers, Wave, combine, gelu, layer_norm
from wave_network.models.wave.numpy_network import NumpyWaveNetwork
from wave_network.models.wave.readouts import READOUTS


class WaveFeatures:
    """The `TextFeatures` of the papers' network: the contexts C and C' of `[CLS]`.

    Args:
        network: One layer, with `[CLS]` pooling.
        ids: Token ids, (tokens,).
        offsets: (texts + 1,), no text empty.
        sentence_offsets: (sentences + 1,); needed if a level is `sentence`.

    Raises:
        ConfigError: If the network has several layers or another pooling.
    """

    def __init__(
        self,
        network: NumpyWaveNetwork,
        ids: Integers,
        offsets: Integers,
        sentence_offsets: Integers | None = None,
    ) -> None:
        config = network.config
        if config.num_layers > 1 or config.pooling != "cls":
            raise ConfigError(
                "only models of one layer with [CLS] pooling can be explained; this one has"
                f" num_layers={config.num_layers} and pooling={config.pooling!r}"
            )
        self._network = network
        self._offsets = offsets
        variants = network.variants(ids, offsets)
        self._real = variants[0]  # [CLS] is the same in every text
        self._energy = np.square(variants)
        self._energy[offsets[:-1]] = 0
        for half, level in enumerate(config.levels):
            if level == "sentence":
                assert sentence_offsets is not None
                columns = slice(half * config.hidden_size, (half + 1) * config.hidden_size)
                self._energy[~_in_first_sentence(offsets, sentence_offsets), columns] = 0
        self.features = np.sqrt(np.add.reduceat(self._energy, offsets[:-1]))[None]
        self.empty = np.zeros_like(self.features[:, :1])

    def logits(self, features: Floats) -> Floats:
        """As `TextFeatures.logits`."""
        config = self._network.config
        combined = combine(*self._waves(features[0]), config.operation)
        real = READOUTS[config.readout].of(combined)
        weight, bias = self._network.weight_and_bias(0, "feed_forward")
        return self._classify(gelu(real @ weight.T + bias))

    def gradient(self, features: Floats, at_logits: LogitsGradient) -> Floats:
        """As `TextFeatures.gradient`."""
        config, tensors = self._network.config, self._network.tensors
        first, second = self._waves(features[0])
        combined = combine(first, second, config.operation)
        readout = READOUTS[config.readout]
        weight, bias = self._network.weight_and_bias(0, "feed_forward")
        before = readout.of(combined) @ weight.T + bias
        hidden, slope = gelu_and_slope(before)
        at_normed = at_logits(self._classify(hidden)) @ tensors["classifier.weight"]
        scale, _ = self._network.weight_and_bias(0, "norm")
        at_before: Floats = layer_norm_gradient(hidden, scale, at_normed) * slope
        at_real: Floats = np.matmul(at_before, weight, dtype=np.float32)
        at_combined = readout.gradient(combined, at_real)
        imaginary = combine_gradient(first, second, config.operation, at_combined)
        return np.concatenate(imaginary, axis=1)[None]

    def to_tokens(self, gradients: Floats) -> Floats:
        """As `TextFeatures.to_tokens`, in proportion to the energies, `u_j^2 / C^2`."""
        contexts = self.features[0]
        per_energy = np.divide(
            gradients[0], contexts, out=np.zeros_like(contexts), where=contexts > 0
        )
        each = np.repeat(per_energy, np.diff(self._offsets), axis=0)
        result: Floats = np.einsum("tf,tf->t", self._energy, each)
        return result

    def _waves(self, contexts: Floats) -> tuple[Wave, Wave]:
        real = np.split(np.broadcast_to(self._real, contexts.shape), 2, axis=1)
        imag = np.split(contexts, 2, axis=1)
        return Wave(real[0], imag[0]), Wave(real[1], imag[1])

    def _classify(self, hidden: Floats) -> Floats:
        tensors = self._network.tensors
        normed = layer_norm(hidden, *self._network.weight_and_bias(0, "norm"))
        result: Floats = normed @ tensors["classifier.weight"].T + tensors["classifier.bias"]
        return result


def _in_first_sentence(offsets: Integers, sentence_offsets: Integers) -> NDArray[np.bool_]:
    """Return which tokens belong to their text's first sentence, bool, (tokens,)."""
    ends = sentence_offsets[np.searchsorted(sentence_offsets, offsets[:-1]) + 1]
    result: NDArray[np.bool_] = np.arange(offsets[-1]) < np.repeat(ends, np.diff(offsets))
    return result
