"""Training of `small`, `tiny` and `large`: compiled steps, linear part and initialisation."""
