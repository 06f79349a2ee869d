"""The model families: one room each, and the registry that finds them."""
