"""Metrics, calibration, thresholds and conformal sets."""
