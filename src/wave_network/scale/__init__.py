"""Beyond one process: several processes here, or a Ray cluster that already runs."""
