"""The model of `small`, `tiny` and `large`: neighbours' waves, n-grams, a linear part."""
