"""Explain an answer by examples: the training texts that the model finds most similar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError, option_name
from wave_network.runtime.engine import Engine

MOST_NEIGHBOURS: Final = 1_000

_TEXTS_AT_ONCE: Final = 4_096


class Neighbour(NamedTuple):
    """A text that is similar to another.

    Attributes:
        place: Its index among the texts that were searched.
        similarity: The cosine similarity of both texts' vectors (`Engine.embed`), -1 to 1.
    """

    place: int
    similarity: float


def most_similar(
    engine: Engine, texts: Sequence[str], among: Iterable[str], count: int = 5
) -> list[list[Neighbour]]:
    """Find the most similar ones among many texts, in constant memory.

    Args:
        engine: The model, whose vectors are compared.
        texts: The texts to find neighbours for.
        among: The texts to search, such as the training texts; read once.
        count: How many to return for each text, 1 to 1,000.

    Returns:
        For each text its neighbours, the most similar first; of equal ones the earlier first.

    Raises:
        ConfigError: If the count is out of range.
        DataError: If a text is not a string.
    """
    if not 1 <= count <= MOST_NEIGHBOURS:
        raise ConfigError(
            f"{option_name('count')} must be between 1 and {MOST_NEIGHBOURS:,}; got {count}"
        )
    vectors = engine.embed(texts)
    found = np.empty((len(vectors), 0), np.float32)  # similarities, the largest first
    places = np.empty((len(vectors), 0), np.int64)
    for start, others in _embedded(engine, among):
        here = np.arange(start, start + len(others))
        found = np.hstack([found, vectors @ others.T])
        places = np.hstack([places, np.broadcast_to(here, (len(vectors), len(here)))])
        kept = np.argsort(-found, axis=1, kind="stable")[:, :count]
        found = np.take_along_axis(found, kept, axis=1)
        places = np.take_along_axis(places, kept, axis=1)
    return [
        [Neighbour(*pair) for pair in zip(rows, similarities, strict=True)]
        for rows, similarities in zip(places.tolist(), found.tolist(), strict=True)
    ]


def _embedded(engine: Engine, texts: Iterable[str]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the vectors of some texts at a time, and the index of the first of them."""
    start, remaining = 0, iter(texts)
    while chunk := list(islice(remaining, _TEXTS_AT_ONCE)):
        yield start, engine.embed(chunk)
        start += len(chunk)
