"""What a model learns from beside labelled texts: word vectors and unlabelled texts."""

from __future__ import annotations

from typing import NamedTuple

from wave_network.data import TrainingData
from wave_network.data.summary import VectorSummary
from wave_network.training.examples import Split
from wave_network.training.prepare import Prepared
from wave_network.training.recipe import Run
from wave_network.training.unlabelled import Taught, learn_from
from wave_network.training.word_vectors import choose_vectors, counted_in


class Knowledge(NamedTuple):
    """What a model learns from beside labelled texts.

    Attributes:
        vectors: Word vectors that were tried; None: none.
        taught: The unlabelled texts, if no model was named that labels them.
        prepared: The training texts, if choosing the vectors has prepared them.
    """

    vectors: VectorSummary | None
    taught: Taught | None
    prepared: Prepared | None = None

    def counted_in(self, prepared: Prepared) -> Knowledge:
        """Count the words that only the vectors know."""
        return self._replace(vectors=counted_in(self.vectors, prepared))


def gather(data: TrainingData, split: Split, run: Run) -> tuple[Run, Knowledge]:
    """Choose the word vectors, and learn from the unlabelled texts.

    Returns:
        The run with the vectors, and what the model will learn from.

    Raises:
        ConfigError: As `choose_vectors`, like other errors.
    """
    run, vectors, prepared = choose_vectors(split.training, run)
    taught = None
    if data.unlabeled is not None and run.config.teacher is None:
        taught = learn_from(data.unlabeled, split.everything, run)
    return run, Knowledge(vectors, taught, prepared)
