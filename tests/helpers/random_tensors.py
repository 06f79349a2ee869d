"""Random tensors for any configuration: weights of a given scale, and valid sparse rows."""

import numpy as np

from wave_network.models.tensors import tensor_specs


def random_tensors(config, scale, seed=0):
    """Normally distributed weights; each sparse row has up to two of them."""
    random = np.random.default_rng(seed)
    tensors = {}
    for spec in tensor_specs(config):
        if spec.name == "linear.starts":
            counts = random.integers(0, 3, spec.shape[0] - 1)
            ends = np.minimum(np.cumsum(counts), config.sparse_linear_size)
            tensors[spec.name] = np.append([0], ends).astype(np.int32)
        elif spec.name == "linear.labels":
            tensors[spec.name] = random.integers(0, config.num_labels, spec.shape, np.int32)
        else:
            tensors[spec.name] = random.normal(scale=scale, size=spec.shape).astype(np.float32)
    return tensors
