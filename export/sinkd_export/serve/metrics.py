"""What Prometheus reads from ``/metrics``."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters of one server; a registry of their own, so that two servers in a process do not share them."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter("sinkd_requests", "Requests to /predict, by status.", ["status"], registry=registry)
        self.request_seconds = Histogram(
            "sinkd_request_seconds", "From a body read to its answer, status 200.", buckets=SECONDS, registry=registry
        )
        self.texts = Counter("sinkd_texts", "Texts labelled.", registry=registry)
        self.truncated_texts = Counter(
            "sinkd_truncated_texts", "Texts that were cut to the maximal length.", registry=registry
        )
        self.batch_texts = Histogram("sinkd_batch_texts", "Texts computed together.", buckets=TEXTS, registry=registry)
        self.batch_seconds = Histogram(
            "sinkd_batch_seconds", "Computing one batch.", buckets=SECONDS, registry=registry
        )
        self.waiting_texts = Gauge("sinkd_waiting_texts", "Texts accepted and not yet answered.", registry=registry)

    def page(self) -> bytes:
        """All of them, in the text format of Prometheus."""
        return generate_latest(self._registry)
