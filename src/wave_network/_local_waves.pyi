import numpy as np
from numpy.typing import NDArray

from wave_network.models.local_wave.ngrams import Shape

def text_sums(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    embedding: NDArray[np.float32],
    bigrams: NDArray[np.float32],
    linear_tokens: NDArray[np.float32],
    linear_bigrams: NDArray[np.float32],
    features: NDArray[np.float32],
    margins: NDArray[np.float32],
    shape: Shape,
    /,
) -> None: ...
def text_gradients(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    embedding: NDArray[np.float32],
    bigrams: NDArray[np.float32],
    features: NDArray[np.float32],
    gradient: NDArray[np.float32],
    shape: Shape,
    /,
) -> tuple[bytearray, bytearray, bytearray, bytearray]: ...
def read_text(
    features: NDArray[np.float32], logits: NDArray[np.float32], /, *readers: NDArray[np.float32]
) -> None: ...
