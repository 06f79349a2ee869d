"""The wave operations: representation, interference, modulation, magnitude and phase.

The functions here are the fast path: closed real forms on packed batches. `packed` has the sums,
`real` defines the operations, and `factored` fuses them with the embedding lookup.
`wave_network.ops.naive` has the same in complex arithmetic, as the paper prints it. `README.md` in
this folder explains the mathematics.
"""

from wave_network.ops import naive
from wave_network.ops.factored import represent_first_factored
from wave_network.ops.packed import leave_one_out_sum, segment_sum
from wave_network.ops.real import (
    Wave,
    global_semantics,
    interfere,
    interference_term,
    magnitude,
    modulate,
    phase,
    represent,
    represent_first,
)

__all__ = [
    "Wave",
    "global_semantics",
    "interfere",
    "interference_term",
    "leave_one_out_sum",
    "magnitude",
    "modulate",
    "naive",
    "phase",
    "represent",
    "represent_first",
    "represent_first_factored",
    "segment_sum",
]
