"""Data larger than memory: arrays in temporary files, and a cache on disk."""
