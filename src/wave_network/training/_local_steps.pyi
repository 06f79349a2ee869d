from typing import Any

from numpy.typing import NDArray

from wave_network.models.local_wave.ngrams import Shape

def train_step(
    arrays: tuple[NDArray[Any], ...],
    shape: Shape,
    hidden: int,
    labels: int,
    multi_label: bool,
    smoothing: float,
    temperature: float,
    dropout: float,
    adam: tuple[float, ...],
    /,
) -> tuple[float, int]: ...
