"""Autotuning: search for settings that beat a preset on validation data, within a size limit."""
