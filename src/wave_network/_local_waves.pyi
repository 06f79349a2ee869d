import numpy as np
from numpy.typing import NDArray

def text_sums(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    embedding: NDArray[np.float32],
    bigrams: NDArray[np.float32],
    linear_tokens: NDArray[np.float32],
    linear_bigrams: NDArray[np.float32],
    features: NDArray[np.float32],
    margins: NDArray[np.float32],
    members: int,
    modulation: bool,
    pair_factors: tuple[int, int],
    local_scale: float,
    energy_floor: float,
    /,
) -> None: ...
def text_gradients(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    embedding: NDArray[np.float32],
    bigrams: NDArray[np.float32],
    features: NDArray[np.float32],
    gradient: NDArray[np.float32],
    members: int,
    modulation: bool,
    pair_factors: tuple[int, int],
    local_scale: float,
    /,
) -> tuple[bytearray, bytearray, bytearray, bytearray]: ...
def read_text(
    features: NDArray[np.float32], logits: NDArray[np.float32], /, *readers: NDArray[np.float32]
) -> None: ...
