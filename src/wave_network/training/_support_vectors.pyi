import numpy as np
from numpy.typing import NDArray

def solve(
    offsets: NDArray[np.int64],
    features: NDArray[np.int32],
    values: NDArray[np.float32],
    costs: NDArray[np.float32],
    having: NDArray[np.bool_],
    scales: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    seed: int,
    tolerance: float,
    most_passes: int,
    /,
) -> int: ...
