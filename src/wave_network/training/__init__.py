"""Training: the loop, its optimiser, the metrics, and the way from texts to a classifier."""
