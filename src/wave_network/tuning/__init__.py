"""Autotuning: a search for settings that validate better than a preset's, within a size."""
