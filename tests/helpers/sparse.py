"""Sparse matrices of ours as those of SciPy, and back."""

import numpy as np
from scipy.sparse import csr_array

from wave_network.numerics.sparse import CsrMatrix


def as_scipy(matrix):
    return csr_array((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)


def to_dense(matrix):
    return as_scipy(matrix).toarray()


def of_dense(dense):
    return CsrMatrix.of_dense(np.asarray(dense, np.float32))
