"""Explanations and waves to look at."""
