"""Sparse matrices of ours as those of SciPy, and back."""

import numpy as np
from scipy.sparse import csr_array

from wave_network.numerics.sparse import CsrMatrix


def as_scipy(matrix):
    indptr = matrix.indptr.astype(np.int32)  # the only type that scikit-learn reads
    return csr_array((matrix.data, matrix.indices, indptr), shape=matrix.shape)


def to_dense(matrix):
    return as_scipy(matrix).toarray()


def of_dense(dense):
    return CsrMatrix.of_dense(np.asarray(dense, np.float32))
