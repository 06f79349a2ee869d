"""The wave operations: representation, interference, modulation, and what can be read off a wave.

The functions here are the fast path, closed real forms on packed batches: `packed` sums, `real`
defines the operations, and `factored` fuses them with the lookup of the embeddings.
`wave_network.ops.naive` holds the same in complex arithmetic, as the paper prints it. `README.md`
beside this file explains the mathematics.
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
