"""The pretraining loop: steps, validation, records and checkpoints."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from math import isfinite, log
from typing import Any, Final

import numpy as np

from wave_network._version import __version__
from wave_network.config.wave_lm import PretrainConfig, WaveLMConfig
from wave_network.errors import ConfigError, option_name
from wave_network.models.tensor_spec import Tensors
from wave_network.models.wave_lm.network import WaveLM
from wave_network.progress.stages import say, stage, tracked
from wave_network.runtime.bits import build_network, document_scorer
from wave_network.text.byte_level import Ids
from wave_network.training.checkpoint import Checkpoint, Checkpoints, Place
from wave_network.training.interrupt import StopSignal
from wave_network.training.pretraining.corpus import Corpus
from wave_network.training.pretraining.examples import Examples, hidden_tokens, next_tokens
from wave_network.training.pretraining.steps import PretrainingSteps
from wave_network.training.pretraining.windows import Windows

_RECORDS: Final = 100
"""About as many records does a run leave, besides one for each epoch."""

_NOT_THE_ORDER: Final = 1
"""What is hidden is drawn apart from the order of the sequences."""


class PretrainingRun:
    """One pretraining.

    Args:
        corpus: What to learn from.
        shape: The model.
        config: How to train.

    Attributes:
        history: The records so far, each a step's number with the bits a byte.
        seconds: How long training has taken.
        interrupted: Whether it was stopped before its last step.
    """

    def __init__(self, corpus: Corpus, shape: WaveLMConfig, config: PretrainConfig) -> None:
        self._corpus, self._shape, self._config = corpus, shape, config
        self._windows = Windows(corpus.training, config)
        self._steps = PretrainingSteps(WaveLM(shape, config.seed), config, self._windows.steps)
        self._done = 0
        self._sums = [0.0, 0]  # bits and bytes since the last record
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.interrupted = False

    @property
    def tensors(self) -> Tensors:
        """The model's weights by name."""
        return self._steps.tensors

    def metrics(self) -> dict[str, Any]:
        """Return the contents of `metrics.json`; validates the model."""
        corpus = self._corpus
        return {
            "documents": corpus.documents,
            "validation_documents": corpus.held_out,
            "training_tokens": len(corpus.training),
            "training_bytes": corpus.bytes_of(corpus.training),
            "steps": self._done,
            "train_seconds": round(self.seconds, 3),
            "validation": {
                "bytes": corpus.bytes_of(corpus.validation),
                "bits_per_byte": self._validation(),
            },
        }

    def train(self, checkpoints: Checkpoints | None, stop: StopSignal) -> None:
        """Train to the last step, or until a stop.

        Args:
            checkpoints: Where the state is stored every so often, and when training is stopped. If
                there is one of the same run, training goes on from it.
            stop: Checked after every step.

        Raises:
            ConfigError: If the loss is not finite any more.
            KeyboardInterrupt: With checkpoints, after a stop.
            OutputError: If a checkpoint cannot be written.
        """
        before = self._resume(checkpoints)
        started, windows = time.perf_counter() - before, self._windows
        stop.keep()
        with stage("training", windows.steps, "steps") as shown:
            shown.advance(self._done)
            while self._done < windows.steps:
                shown.detail = f"{self._step():.3f} bits a byte"
                shown.advance()
                self.seconds = time.perf_counter() - started
                ends_epoch = self._done % windows.steps_per_epoch == 0
                self._record(ends_epoch=ends_epoch)
                stopped = stop.take()
                if checkpoints is not None:
                    after = ends_epoch and checkpoints.due_after(windows.epoch(self._done))
                    if stopped or after or checkpoints.due():
                        checkpoints.write(self._checkpoint())
                    if stopped:
                        raise KeyboardInterrupt
                if stopped:
                    self.interrupted = True
                    return

    def _step(self) -> float:
        """Take a step; return its bits a byte."""
        examples = self._examples()
        targets = examples.predicted.astype(np.uint16)
        bits = self._steps.step(examples) * len(targets) / log(2)
        if not isfinite(bits):
            lower = option_name("learning_rate")
            raise ConfigError(f"training diverged at step {self._done + 1:,}: lower {lower}")
        size = self._corpus.bytes_of(targets)
        self._done += 1
        self._sums = [self._sums[0] + bits, self._sums[1] + size]
        return bits / max(size, 1)

    def _examples(self) -> Examples:
        """What the next step reads and predicts. The seed and its number alone decide it."""
        window = self._windows.of(self._done)
        if not self._shape.masked:
            return next_tokens(window)
        random = np.random.default_rng((self._config.seed, self._done, _NOT_THE_ORDER))
        return hidden_tokens(window[:-1], self._shape, random)

    def _record(self, *, ends_epoch: bool) -> None:
        steps, (bits, size) = self._windows.steps, self._sums
        if not (ends_epoch or self._done == steps or self._done % -(-steps // _RECORDS) == 0):
            return
        record: dict[str, Any] = {
            "step": self._done,
            "epoch": 1 + self._windows.epoch(self._done - 1),
            "train_bits_per_byte": bits / max(size, 1),
            "seconds": round(self.seconds, 3),
        }
        self._sums = [0.0, 0]
        self.history.append(record)
        if ends_epoch and self._done < steps:
            record["validation_bits_per_byte"] = self._validation()
            say(
                f"epoch {record['epoch']}  {record['train_bits_per_byte']:.3f} bits a byte  "
                f"validation {record['validation_bits_per_byte']:.3f}  {self.seconds:.0f} s"
            )

    def _validation(self) -> float:
        """Return the bits a byte of the documents held out, each read from its start."""
        network = build_network(self._shape, self.tensors)
        documents = list(_split(self._corpus.validation, self._corpus.tokenizer.start))
        bits = [
            document_scorer(network).bits(document).sum(dtype=np.float64)
            for document in tracked(documents, "validating", len(documents), "documents")
        ]
        return float(sum(bits)) / max(self._corpus.bytes_of(self._corpus.validation), 1)

    def _resume(self, checkpoints: Checkpoints | None) -> float:
        """Go on from a checkpoint if there is one; return the seconds until there."""
        saved = None if checkpoints is None else checkpoints.open_run(self._digest())
        if saved is None:
            return 0.0
        self._steps.load(saved.weights, saved.steps)
        self._done = saved.place.batches
        self.history, self._sums = saved.result["history"], saved.result["sums"]
        return saved.seconds

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            place=Place(epoch=1 + self._windows.epoch(self._done), batches=self._done),
            steps=self._steps.state(),
            weights=self.tensors,
            best={},
            result={"history": self.history, "sums": self._sums},
            seconds=self.seconds,
        )

    def _digest(self) -> str:
        what = f"{__version__} {self._shape!r} {self._config!r} {self._corpus.digest}"
        return hashlib.sha256(what.encode()).hexdigest()


def _split(ids: Ids, start: int) -> Iterator[Ids]:
    """Split documents, without the ids of their starts."""
    for document in np.split(ids, np.flatnonzero(ids == start)):
        if len(document) > 1:
            yield document[1:]
