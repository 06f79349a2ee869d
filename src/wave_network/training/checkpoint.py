"""Checkpoints: the state of a training run, so that an interrupted one goes on, bit for bit."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from wave_network._version import __version__
from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.tensor_spec import Tensors
from wave_network.persistence.atomic import replacing_folder
from wave_network.persistence.leftovers import clear, hidden_prefix

logger = logging.getLogger(__name__)

SECONDS: Final = 300.0
"""How often a checkpoint is written."""

_TENSORS: Final = "state.safetensors"
_NUMBERS: Final = "state.json"
_BYTES_AT_ONCE: Final = 1 << 20


class StepsState(NamedTuple):
    """The state of an optimiser.

    Attributes:
        tensors: Its arrays by name.
        numbers: The rest, as JSON can hold it.
    """

    tensors: Tensors
    numbers: dict[str, Any]


@dataclass
class Place:
    """Where a run is: in which epoch, after how many of its batches, and their sums.

    Attributes:
        epoch: The running epoch, from 1.
        batches: How many of its batches are taken.
        loss_sum: The sum of their texts' losses.
        right: How many of their texts were predicted correctly.
        texts: How many texts they have.
        generator: The state of the generator that draws tokens; None before the first batch.
    """

    epoch: int = 1
    batches: int = 0
    loss_sum: float = 0.0
    right: int = 0
    texts: int = 0
    generator: Mapping[str, Any] | None = None


@dataclass
class Checkpoint:
    """The state of a run.

    Attributes:
        place: Where it is.
        steps: The optimiser's state.
        weights: Those of the model.
        best: Those of the best epoch so far; empty before the first one ended.
        result: The fields of the run's `TrainResult`.
        seconds: How long it has taken.
    """

    place: Place
    steps: StepsState
    weights: Tensors
    best: Tensors
    result: dict[str, Any]
    seconds: float


class Epochs(NamedTuple):
    """So many epochs between two checkpoints."""

    number: int


@dataclass
class Checkpoints:
    """Writes and reads the checkpoint of one run.

    Args:
        folder: Where it is; replaced by each later one.
        every: Seconds between two of them, or a whole number of epochs, as `Epochs`.
    """

    folder: Path
    every: float | Epochs = SECONDS
    _last: float = field(default_factory=time.monotonic, init=False)
    _run: str = field(default="", init=False)

    def open(
        self, training: PackedTexts, validation: PackedTexts | None, config: TrainConfig
    ) -> Checkpoint | None:
        """Return the checkpoint of a run with these texts and this configuration, if there is one.

        What is not whole, or is of another run or version, is not used; a warning says so.
        """
        self._run = _digest(training, validation, config)
        self._last = time.monotonic()
        if not self.begun:
            return None
        try:
            return self._read()
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning(
                "%s is damaged, or of other data, options or version: training starts again",
                self.folder,
            )
            return None

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint of this run."""
        return (self.folder / _NUMBERS).exists()

    def due(self) -> bool:
        """Return whether it is time for the next one."""
        if isinstance(self.every, Epochs):
            return False
        return time.monotonic() - self._last >= self.every

    def due_after(self, epoch: int) -> bool:
        """Return whether one is due after an epoch, from 1."""
        return isinstance(self.every, Epochs) and epoch % self.every.number == 0

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint.

        Raises:
            OutputError: If the disk is full or the folder cannot be written.
        """
        from safetensors.numpy import save_file  # predicting starts faster

        steps = checkpoint.steps
        parts = {"weights": checkpoint.weights, "best": checkpoint.best, "steps": steps.tensors}
        tensors = {
            f"{part}/{name}": np.ascontiguousarray(tensor)
            for part, named in parts.items()
            for name, tensor in named.items()
        }
        numbers = {
            "run": self._run,
            "place": asdict(checkpoint.place),
            "steps": steps.numbers,
            "result": checkpoint.result,
            "seconds": checkpoint.seconds,
        }
        with replacing_folder(self.folder) as new:
            save_file(tensors, new / _TENSORS)
            state = {"digest": _state_digest(numbers, new / _TENSORS), "state": numbers}
            (new / _NUMBERS).write_text(json.dumps(state), encoding="utf-8")
        self._last = time.monotonic()

    def remove(self) -> None:
        """Remove the checkpoint of a run that has ended, and what killed ones left beside it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        clear(self.folder.parent, hidden_prefix(self.folder))

    def _read(self) -> Checkpoint:
        from safetensors.numpy import load_file

        state = json.loads((self.folder / _NUMBERS).read_text(encoding="utf-8"))
        numbers = state["state"]
        if numbers["run"] != self._run:
            raise ValueError("it is of another run")
        if state["digest"] != _state_digest(numbers, self.folder / _TENSORS):
            raise ValueError("it is damaged")
        tensors = load_file(self.folder / _TENSORS)
        parts: dict[str, Tensors] = {"weights": {}, "best": {}, "steps": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = tensor
        return Checkpoint(
            place=Place(**numbers["place"]),
            steps=StepsState(parts["steps"], numbers["steps"]),
            weights=parts["weights"],
            best=parts["best"],
            result=numbers["result"],
            seconds=numbers["seconds"],
        )


def _digest(training: PackedTexts, validation: PackedTexts | None, config: TrainConfig) -> str:
    """Return a digest of all that decides a run, but for the model's first weights."""
    digest = hashlib.sha256(f"{__version__} {config!r}".encode())
    for texts in (training, validation):
        if texts is None:
            continue
        for array in (texts.ids, texts.offsets, texts.labels, texts.weights):
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _state_digest(numbers: Mapping[str, Any], tensors: Path) -> str:
    digest = hashlib.sha256(json.dumps(numbers).encode())
    with tensors.open("rb") as file:
        while part := file.read(_BYTES_AT_ONCE):
            digest.update(part)
    return digest.hexdigest()
