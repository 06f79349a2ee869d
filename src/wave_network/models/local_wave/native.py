"""Convert a configuration to the `Shape` that the compiled functions take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wave_network import _native
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, NGRAMS, NgramKind

if TYPE_CHECKING:
    from wave_network._native._extension import Shape
    from wave_network.config import LocalWaveConfig


def native_shape(config: LocalWaveConfig) -> Shape:
    """Build the `Shape` of a model for the compiled functions; needs the extension.

    Rounding depends on the order of the n-grams, so it is fixed here: descending reach, then
    ascending length. The order in the configuration and in `NGRAMS` does not matter.
    """

    def order(kind: NgramKind) -> tuple[int, int]:
        return -kind.reach, len(kind.places)

    kinds = [NGRAMS[name] for name in config.linear_ngrams]
    kinds.sort(key=order)
    modulation = config.operation == "modulation"
    return _native.compiled.Shape(
        members=config.members,
        modulation=modulation,
        # Products in units of the standard deviation of the initial embeddings.
        local_scale=config.initializer_range**-2 if modulation else 1.0,
        energy_floor=ENERGY_FLOOR,
        bigram=NGRAMS["pair"],
        linear_ngrams=tuple(kinds),
    )
