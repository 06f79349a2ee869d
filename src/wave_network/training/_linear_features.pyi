import numpy as np
from numpy.typing import NDArray

from wave_network.models.local_wave.ngrams import Shape

def frequencies(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    times: NDArray[np.int32],
    sizes: tuple[int, int],
    shape: Shape,
    /,
) -> None: ...
def rows(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    scales: NDArray[np.float32],
    row_ends: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    sizes: tuple[int, int],
    shape: Shape,
    /,
) -> None: ...
def column_sums(
    offsets: NDArray[np.int64],
    columns: NDArray[np.int32],
    weights: NDArray[np.float32],
    sums: NDArray[np.float32],
    /,
) -> None: ...
