import numpy as np
from numpy.typing import NDArray

def update_rows(
    table: NDArray[np.float32],
    rows: NDArray[np.int64],
    gradient: NDArray[np.float32],
    places: NDArray[np.int64],
    means: NDArray[np.float32],
    squares: NDArray[np.float32],
    beta1: float,
    beta2: float,
    epsilon: float,
    rate: float,
    /,
) -> None: ...
