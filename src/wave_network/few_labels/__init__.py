"""Few labels: what to learn from beside them."""
