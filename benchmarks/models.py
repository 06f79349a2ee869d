"""The models that are compared: ours by preset and operation, and the baselines, by name."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from wave_network.baselines import BASELINES, Baseline
from wave_network.config import PRESETS, Label, Operation

# Nothing heavy is imported here: a worker's peak memory counts from its parent's size.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wave_network.runtime import Engine

WAVES: Final = (
    *PRESETS,
    *(f"{preset}:{operation}" for preset in PRESETS for operation in get_args(Operation)),
)
MODELS: Final = (*WAVES, *BASELINES)
"""A preset, optionally with `:modulation` or `:interference`; or a baseline."""

SLOW: Final = ("paper", "transformer", "fasttext-bigram-10m")
"""Not measured by default: they take long, or much memory."""

_COLD_STARTS: Final = 7
_OUTPUTS: Final = {"waves": ("classifier.", "shortcut."), "linear": ("linear.",)}


class Wave:
    """A preset of `WaveClassifier` as a baseline; it predicts from its saved folder.

    Args:
        name: One of `WAVES`.
        seed: As for the classifier, like what follows.
        vectors: Pretrained vectors; by default none, so that it learns from its texts alone.
    """

    def __init__(
        self,
        name: str,
        *,
        seed: int,
        tokenizer: str | None = None,
        epochs: int | None = None,
        max_length: int | None = None,
        vectors: str = "none",
    ) -> None:
        from wave_network import WaveClassifier

        preset, _, operation = name.partition(":")
        self._parent = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self._parent, ignore_errors=True)
        self._classifier = WaveClassifier(
            preset=preset,
            operation=operation or None,
            tokenizer=tokenizer,
            seed=seed,
            epochs=epochs,
            max_length=max_length,
            device="cpu",
            vectors=vectors,
        )

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Label],
        unlabeled: Sequence[str] | None = None,
    ) -> Wave:
        """Train, with unlabelled texts if they are given."""
        self._classifier.fit(texts, labels, unlabeled=unlabeled)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The most probable label of each text."""
        import numpy as np

        best = self.engine.predict_proba(texts).argmax(axis=1)
        labels: NDArray[Any] = np.array(self.engine.labels)[best]
        return labels

    def num_parameters(self) -> int:
        """All trained parameters."""
        from wave_network.models.tensors import parameter_counts

        return parameter_counts(self.engine.config)["total"]

    def size_bytes(self) -> int:
        """Bytes of the model folder."""
        from wave_network.persistence.folder import size_bytes

        return size_bytes(self.folder)

    def cold_seconds(self, text: str) -> float:
        """From starting `wave-network predict` to its end, one text; the median of seven."""
        command = [sys.executable, "-m", "wave_network", "predict", str(self.folder), text]
        environment = dict(os.environ)
        # Installed packages have bytecode; without it every start would compile anew.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=True)
        times = []
        for _ in range(_COLD_STARTS):
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    def without(self, part: str) -> Engine | None:
        """The model with one of its parts silenced after training.

        Args:
            part: "waves" or "linear".

        Returns:
            The model with all weights that lead from this part to the logits set to 0; None if it
            does not have both parts.
        """
        import numpy as np

        from wave_network.persistence.folder import read_model
        from wave_network.runtime import Engine

        files = read_model(self.folder)
        if not files.config.has_linear_part:
            return None
        silenced = {
            name: np.zeros_like(tensor) if name.startswith(_OUTPUTS[part]) else tensor
            for name, tensor in files.tensors.items()
        }
        return Engine(replace(files, tensors=silenced))

    @cached_property
    def folder(self) -> Path:
        """Where the trained model is saved, as long as this object lives."""
        folder = self._parent / "model"
        self._classifier.save(folder)
        return folder

    @cached_property
    def engine(self) -> Engine:
        """The model, loaded from its folder."""
        from wave_network import load

        return load(self.folder)


def make(
    name: str,
    *,
    seed: int,
    threads: int,
    tokenizer: str | None = None,
    epochs: int | None = None,
    max_length: int | None = None,
) -> Wave | Baseline:
    """Make a model, and import its libraries, so that training is timed without that.

    Args:
        name: One of `MODELS`.
        seed: Of its randomness.
        threads: For the baselines that take it as an option; the others read the environment.
        tokenizer: For wave models, like `epochs` and `max_length`.
        epochs: None takes the preset's.
        max_length: None takes the preset's.
    """
    for module in _imports(name):
        import_module(module)
    if name in BASELINES:
        return BASELINES[name](seed=seed, threads=threads)
    return Wave(name, seed=seed, tokenizer=tokenizer, epochs=epochs, max_length=max_length)


def preferred_tokenizer(name: str) -> str | None:
    """The tokenizer that a model takes from the Hub, or None if it learns its own."""
    preset = PRESETS.get(name.partition(":")[0])
    return preset.tokenizer if preset else None


def _imports(name: str) -> Sequence[str]:
    ours = ("numpy.random", "wave_network.training.fit", "wave_network.training.progress")
    if name in WAVES:
        return ("accelerate", *ours) if name.startswith("paper") else ours
    if name.startswith("fasttext"):
        return ("fasttext",)
    # The first optimizer of torch's own that is made loads `torch._dynamo`, in a second or more.
    if name == "model2vec":
        return ("torch._dynamo", "model2vec.train")
    if name == "transformer":
        return ("accelerate", "torch._dynamo", "wave_network.baselines.transformer_classifier")
    return ("sklearn.feature_extraction.text", "sklearn.pipeline", "sklearn.svm")
