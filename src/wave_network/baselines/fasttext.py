"""fastText, the archived C++ library, as a baseline."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.baselines.settings import FastTextSettings, fasttext_settings
from wave_network.config import Label
from wave_network.data import SingleLabel
from wave_network.errors import MissingExtraError

# No word starts like this: words are in lower case.
_LABEL_PREFIX: Final = "__LABEL__"
_VALIDATION_FRACTION: Final = 0.1
_DIMENSIONS: Final = 10

# The `normalize_text` of fastText's own classification-results.sh, in its order.
_REPLACEMENTS: Final = (
    ("'", " ' "),
    ('"', ""),
    (".", " . "),
    ("<br />", " "),
    (",", " , "),
    ("(", " ( "),
    (")", " ) "),
    ("!", " ! "),
    ("?", " ? "),
    (";", " "),
    (":", " "),
)


class FastTextClassifier:
    """fastText's supervised classifier, with 10 dimensions as in its published results.

    Args:
        word_ngrams: Maximum length of word n-grams.
        buckets: Buckets of the hashed n-grams of two or more words.
        settings: Training settings; None: those for the number of training texts.
        autotune_seconds: If given, fastText searches its settings for this long, by F1 on a tenth
            of the training texts, and ignores the three parameters above.
        seed: Seed of the order of the texts. Training is repeatable only with one thread.
        threads: Threads for training; fastText predicts with one.
    """

    def __init__(
        self,
        *,
        word_ngrams: int = 1,
        buckets: int = 2_000_000,
        settings: FastTextSettings | None = None,
        autotune_seconds: int | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self._word_ngrams = word_ngrams
        self._buckets = buckets
        self._settings = settings
        self._autotune_seconds = autotune_seconds
        self._seed = seed
        self._threads = threads
        self._model: Any = None
        self._classes: NDArray[Any] = np.empty(0)

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> FastTextClassifier:
        """Train on texts and their labels.

        Raises:
            DataError: If the labels are of fewer than two classes, or of mixed types, or too few
                to hold some out for tuning.
            MissingExtraError: If fastText is not installed.
        """
        try:
            import fasttext
        except ImportError as error:
            raise MissingExtraError("baselines", "the fastText baseline") from error
        labelling = SingleLabel.learn(labels)
        indices = labelling.encode(labels)
        lines = [
            f"{_LABEL_PREFIX}{index} {normalize(text)}\n"
            for text, index in zip(texts, indices, strict=True)
        ]
        options = self._options(len(lines))
        held_out: list[str] = []
        if self._autotune_seconds is not None:
            kept, rest = labelling.split(indices, _VALIDATION_FRACTION, self._seed)
            lines, held_out = [lines[i] for i in kept], [lines[i] for i in rest]
        # fastText keeps the order of the file, and learns badly from texts sorted by class.
        random.Random(self._seed).shuffle(lines)
        with tempfile.TemporaryDirectory() as folder:
            path = _write(Path(folder, "train.txt"), lines)
            if held_out:
                options["autotuneValidationFile"] = _write(Path(folder, "held-out.txt"), held_out)
                options["autotuneDuration"] = self._autotune_seconds
            self._model = fasttext.train_supervised(path, label=_LABEL_PREFIX, verbose=0, **options)
        self._classes = np.array(labelling.classes)
        return self

    def _options(self, texts: int) -> dict[str, Any]:
        options: dict[str, Any] = {"seed": self._seed, "thread": self._threads}
        if self._autotune_seconds is not None:  # an option that is given is not tuned
            return options
        settings = self._settings or fasttext_settings(texts)
        return options | {
            "wordNgrams": self._word_ngrams,
            "bucket": self._buckets,
            "dim": _DIMENSIONS,
            "epoch": settings.epochs,
            "lr": settings.learning_rate,
        }

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """Predict the label of each text, of the type it had in training."""
        lines = [f"{normalize(text)}\n" for text in texts]
        # Calls the binding, because the library's `predict` fails with NumPy 2.
        names, _ = self._model.f.multilinePredict(lines, 1, 0.0, "strict")
        indices = [int(name[0].removeprefix(_LABEL_PREFIX)) for name in names]
        return self._classes[np.array(indices, dtype=np.intp)]

    def num_parameters(self) -> int:
        """Count the entries of the input and the output matrix."""
        rows = len(self._model.words) + int(self._model.f.getArgs().bucket) + len(self._classes)
        return rows * int(self._model.get_dimension())

    def size_bytes(self) -> int:
        """Return the bytes of the `.bin` file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.bin")
            self._model.save_model(str(path))
            return path.stat().st_size


def _write(path: Path, lines: list[str]) -> str:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    return str(path)


def normalize(text: str) -> str:
    """Lower-case a text, separate punctuation by spaces, and remove line breaks."""
    text = text.lower().replace("\n", " ")
    for old, new in _REPLACEMENTS:
        text = text.replace(old, new)
    return text
