"""What an engine tells of the parts while it predicts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from wave_network.errors import WaveNetworkError
from wave_network.scale.parts import Part
from wave_network.scale.scorer import Done


@dataclass(frozen=True)
class Progress:
    """How far a part is.

    Attributes:
        part: The part.
        rows: How many of its rows are done.
        share: The share of its input that is read, 0 to 1.
    """

    part: Part
    rows: int
    share: float


@dataclass(frozen=True)
class Outcome:
    """How a part ended; each part has one.

    Attributes:
        part: The part.
        result: What was written, or why nothing was.
    """

    part: Part
    result: Done | WaveNetworkError


Listener: TypeAlias = Callable[[Progress | Outcome], None]
"""Is told of the parts, in any order. An error that it raises ends the job."""
