"""How `small`, `tiny` and `large` are trained: compiled steps, the linear part, the LSA start."""
