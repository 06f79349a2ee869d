"""Choose the next token of a text that is generated."""

from __future__ import annotations

import numpy as np

from wave_network.config.checks import check_range, plain_finite, plain_whole
from wave_network.models.numpy_ops import Floats


class Sampler:
    """Chooses tokens by their logits.

    Args:
        temperature: As in `LanguageModel.generate`.
        top_p: Likewise.
        seed: Likewise.

    Raises:
        ConfigError: If one of them is out of range.
    """

    def __init__(self, temperature: float, top_p: float, seed: int) -> None:
        self._temperature = plain_finite("temperature", temperature)
        self._top_p = plain_finite("top_p", top_p)
        seed = plain_whole("seed", seed)
        check_range("temperature", self._temperature, 0.0, 100.0)
        check_range("top_p", self._top_p, 1e-6, 1.0)
        check_range("seed", seed, 0, None)
        self._generator = np.random.default_rng(seed)

    def __call__(self, logits: Floats) -> int:
        """Return a token by its logits, (vocabulary,)."""
        if self._temperature == 0:
            return int(logits.argmax())
        scaled = (logits - logits.max()).astype(np.float64) / self._temperature
        weights = np.exp(scaled)
        order = np.argsort(-weights, kind="stable")
        sums = np.cumsum(weights[order])
        kept = 1 + int(np.searchsorted(sums, self._top_p * sums[-1]))
        kept = min(kept, len(order))
        drawn = self._generator.random() * sums[kept - 1]
        return int(order[min(int(np.searchsorted(sums, drawn, "right")), kept - 1)])
