"""What Prometheus reads from `/metrics`: of all workers together."""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable with the folder in which several workers add up their metrics.

It must be set before this module is imported.
"""
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_TEXTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counts requests, texts and batches. A process may have several, each with its numbers."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "wave_network_requests",
            "Requests, by endpoint and status.",
            ("endpoint", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "wave_network_request_seconds",
            "Time from a request's head to its answer.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.texts = Counter(
            "wave_network_texts", "Texts that were answered.", ("model",), registry=registry
        )
        self.batch = Histogram(
            "wave_network_batch_texts",
            "Texts that were answered together.",
            buckets=_TEXTS,
            registry=registry,
        )
        self.waiting = Gauge(
            "wave_network_waiting_texts",
            "Texts that wait for their answers.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.loads = Counter(
            "wave_network_reloads",
            "Folders that were replaced, by whether they could be loaded.",
            ("model", "result"),
            registry=registry,
        )

    def page(self) -> bytes:
        """Return the text that Prometheus reads."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
