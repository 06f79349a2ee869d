"""The models of `few_labels.py`: ours, and the peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from few_labels_data import Labelled
from few_labels_peers import PEERS, Model, Setup
from models import Wave


class Ours(Model):
    """`small`, with or without the archive and the packaged vectors.

    Args:
        setup: What every model is made with.
        semi_supervised: Whether it learns from the archive.
        vectors: As for `WaveClassifier`.
    """

    imports = ("wave_network.training.fit",)

    def __init__(self, setup: Setup, *, semi_supervised: bool, vectors: str) -> None:
        self.semi_supervised = semi_supervised
        self._archive = setup.archive
        self._vectors = vectors

    def fit(self, labelled: Labelled, unlabelled: NDArray[np.intp], seed: int) -> None:
        """Train."""
        self._model = Wave("small", seed=seed, vectors=self._vectors)
        texts = [self._archive[place] for place in unlabelled]
        self._model.fit(*labelled, unlabeled=texts if self.semi_supervised else None)

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text."""
        return self._model.predict(texts)

    def size_bytes(self) -> int:
        """Bytes of the model folder."""
        return self._model.size_bytes()


OURS: Final[Mapping[str, Callable[[Setup], Model]]] = {
    "small": partial(Ours, semi_supervised=False, vectors="none"),
    "small:unlabelled": partial(Ours, semi_supervised=True, vectors="none"),
    "small:vectors": partial(Ours, semi_supervised=False, vectors="auto"),
    "small:both": partial(Ours, semi_supervised=True, vectors="auto"),
}
MODELS: Final = {**OURS, **PEERS}
CACHED: Final = ("encoder",)
"""Models whose training is not timed: the encoder's vectors come from a cache."""
