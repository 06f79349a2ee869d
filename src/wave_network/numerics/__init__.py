"""Sparse matrices, decompositions and minimisation with NumPy and the native module alone."""
