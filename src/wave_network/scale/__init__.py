"""Data larger than memory, several processes, and a Ray cluster that already runs."""
