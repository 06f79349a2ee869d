"""The model of `small`, `tiny` and `large`: waves of neighbours, n-grams, a linear part."""
