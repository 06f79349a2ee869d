"""Count the texts that an engine predicts."""

from __future__ import annotations

from copy import copy

from wave_network.runtime.engine import Engine
from wave_network.text.counts import CountingTokenizer, TextCounts


def counted(engine: Engine) -> tuple[Engine, TextCounts]:
    """Return an engine that gives the same answers, and the counts of the texts that it encodes.

    Args:
        engine: The engine to copy; the copy shares its weights.
    """
    counts = TextCounts(engine.tokenizer)
    counting = copy(engine)
    counting.tokenizer = CountingTokenizer(engine.tokenizer, counts)
    return counting, counts
