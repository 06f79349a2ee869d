"""Count the texts that an engine predicts."""

from __future__ import annotations

from copy import copy

from wave_network.runtime.engine import Engine
from wave_network.text.counts import TextCounts, counting_tokenizer


def counted(engine: Engine) -> tuple[Engine, TextCounts]:
    """Return an engine that gives the same answers, and the counts of the texts that it encodes.

    Args:
        engine: The engine to copy; the copy shares its weights.
    """
    counts = TextCounts(engine.tokenizer)
    counting = copy(engine)
    counting.tokenizer = counting_tokenizer(engine.tokenizer, counts)
    return counting, counts
