"""Beyond one machine: the same work on a Ray cluster that already runs."""
