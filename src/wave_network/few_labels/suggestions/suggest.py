"""What to label next: the texts of an archive whose labels would teach most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.errors import ConfigError, option_name
from wave_network.few_labels.suggestions.candidates import draw
from wave_network.few_labels.suggestions.clarity import clarity, margins
from wave_network.few_labels.suggestions.selection import most_worthwhile, representative
from wave_network.few_labels.suggestions.topics import topic_vectors
from wave_network.few_labels.suggestions.word_matrix import count_words
from wave_network.few_labels.words import tf_idf
from wave_network.progress.stages import say, stage, tracked
from wave_network.runtime.engine import Engine

if TYPE_CHECKING:
    from wave_network.estimator import WaveClassifier

MOST_SUGGESTED: Final = 1_000


@dataclass(frozen=True)
class Suggestion:
    """A text to label.

    Attributes:
        index: Its index in the archive.
        text: The text.
        guess: The label that the model would give it, or for a multi-label model the list of
            labels. None without a model.
        score: The probability of the guess; for a multi-label model, of the label that the model is
            least sure of. None without a model.
        reason: Why its label would teach much.
    """

    index: int
    text: str
    guess: Label | list[Label] | None
    score: float | None
    reason: str


def suggest(
    texts: Iterable[str],
    count: int = 20,
    model: Engine | WaveClassifier | None = None,
    labeled: Iterable[str] = (),
    seed: int = 0,
) -> list[Suggestion]:
    """Suggest which texts of an archive to label next.

    With a model, a text is suggested if the model is unsure of it although its class is clear from
    the words that it shares with the rest of the archive. Without one, the texts together
    represent the archive. Either way they are about different topics, none is a near-duplicate of
    another, and none is empty. From an archive of more than 20,000 distinct texts, a random sample
    of 20,000 is considered.

    Args:
        texts: The archive; read once.
        count: How many texts to suggest, 1 to 1,000.
        model: The classifier so far; None if there are no labels yet.
        labeled: Texts that are labelled already: they are not suggested again.
        seed: Seed of the sample and of the topics.

    Returns:
        The suggestions, the most useful first; fewer than `count` if the archive has no more.

    Raises:
        ConfigError: If the count is out of range.
        DataError: If a text is not a string, or there is none to suggest.
        sklearn.exceptions.NotFittedError: If the classifier is not fitted.
    """
    if not 1 <= count <= MOST_SUGGESTED:
        raise ConfigError(
            f"{option_name('count')} must be between 1 and {MOST_SUGGESTED:,}; got {count}"
        )
    engine = model if model is None or isinstance(model, Engine) else model.engine
    archive = draw(tracked(texts, "reading"), labeled, seed)
    say(str(archive))
    with stage("comparing texts"):
        counts = count_words(archive.texts)
        words = tf_idf(counts)
        if engine is None:
            return [
                Suggestion(
                    index=archive.places[place],
                    text=archive.texts[place],
                    guess=None,
                    score=None,
                    reason=f"typical: {share:.1%} of the texts are most like it",
                )
                for place, share in representative(words, topic_vectors(words, seed), count, seed)
            ]
    probabilities = engine.predict_proba(tracked(archive.texts, "predicting", len(archive.texts)))
    with stage("choosing"):
        doubt, doubtful = _doubt(probabilities, multi_label=engine.labelling.multi_label)
        if not engine.labelling.multi_label:
            doubt = doubt * clarity(counts, probabilities)
        return [
            _unsure(archive.places[place], archive.texts[place], engine, probabilities[place])
            for place in most_worthwhile(doubt, doubtful, words, count)
        ]


def _doubt(
    probabilities: NDArray[np.float32], *, multi_label: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return how unsure the model is of each text, 0 to 1, and of which label; both (texts,)."""
    if multi_label:
        doubts = 1 - np.abs(2 * probabilities - 1)
        return doubts.max(axis=1), doubts.argmax(axis=1)
    return 1 - margins(probabilities), probabilities.argmax(axis=1)


def _unsure(
    index: int, text: str, engine: Engine, probabilities: NDArray[np.float32]
) -> Suggestion:
    """Return the suggestion of a text that the model is unsure of."""
    (given,) = engine.labelling.answers(probabilities[None], 0.0)
    guess = [engine.labels[place] for place in given]
    if engine.labelling.multi_label:
        doubtful = np.abs(probabilities - 0.5).argsort(kind="stable")[:1]
    else:
        doubtful = (-probabilities).argsort(kind="stable")[:2]
    shares = [f"{engine.labels[place]} {probabilities[place]:.0%}" for place in doubtful]
    return Suggestion(
        index=index,
        text=text,
        guess=guess if engine.labelling.multi_label else guess[0],
        score=float(probabilities[doubtful[0]]),
        reason=f"unsure: {' or '.join(shares)}",
    )
