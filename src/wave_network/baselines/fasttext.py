"""fastText, the archived C++ library whose users Wave Network wants to serve."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data import encode_labels
from wave_network.errors import MissingExtraError

# No word starts so: the words are in lower case.
_LABEL_PREFIX: Final = "__LABEL__"

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
    """fastText's supervised classifier, with the settings of its classification results.

    Args:
        word_ngrams: Longest run of words that is a feature of its own.
        buckets: Rows shared by all runs of two words and more.
        learning_rate: At the start; it falls to 0.
        dimensions: Width of a word's vector.
        epochs: Passes over the training texts.
        seed: Decides the order of the texts; training is repeatable only with one thread.
        threads: Used for training; fastText predicts with one.
    """

    def __init__(
        self,
        *,
        word_ngrams: int = 1,
        buckets: int = 2_000_000,
        learning_rate: float = 0.25,
        dimensions: int = 10,
        epochs: int = 5,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self._options = {
            "wordNgrams": word_ngrams,
            "bucket": buckets,
            "lr": learning_rate,
            "dim": dimensions,
            "epoch": epochs,
            "seed": seed,
            "thread": threads,
        }
        self._model: Any = None
        self._classes: NDArray[Any] = np.empty(0)

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> FastTextClassifier:
        """Train on texts and their labels.

        Raises:
            DataError: If the labels are of fewer than two classes, or of mixed types.
            MissingExtraError: If fastText is not installed.
        """
        try:
            import fasttext
        except ImportError as error:
            raise MissingExtraError("baselines", "the fastText baseline") from error
        classes, indices = encode_labels(labels)
        lines = [
            f"{_LABEL_PREFIX}{index} {normalize(text)}\n"
            for text, index in zip(texts, indices, strict=True)
        ]
        # fastText reads in the order of the file, and learns little from one class after another.
        random.Random(self._options["seed"]).shuffle(lines)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "train.txt")
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
            self._model = fasttext.train_supervised(
                str(path), label=_LABEL_PREFIX, verbose=0, **self._options
            )
        self._classes = np.array(classes)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The label of each text, of the type it had in training."""
        lines = [f"{normalize(text)}\n" for text in texts]
        # The binding itself, because the library's `predict` fails with NumPy 2.
        names, _ = self._model.f.multilinePredict(lines, 1, 0.0, "strict")
        indices = [int(name[0].removeprefix(_LABEL_PREFIX)) for name in names]
        return self._classes[np.array(indices, dtype=np.intp)]

    def num_parameters(self) -> int:
        """Entries of the input and the output matrix."""
        rows = len(self._model.words) + int(self._model.f.getArgs().bucket) + len(self._classes)
        return rows * int(self._model.get_dimension())

    def size_bytes(self) -> int:
        """Bytes of the `.bin` file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.bin")
            self._model.save_model(str(path))
            return path.stat().st_size


def normalize(text: str) -> str:
    """Lower-case a text, set its punctuation off by spaces, and make it one line."""
    text = text.lower().replace("\n", " ")
    for old, new in _REPLACEMENTS:
        text = text.replace(old, new)
    return text
