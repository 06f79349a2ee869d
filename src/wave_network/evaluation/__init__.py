"""Metrics, calibration, thresholds and prediction sets."""
