"""
What this process counts, for Prometheus: requests by route and status, and how long they took.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from twisted.web.resource import Resource
from twisted.web.server import Site

BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """
    The counters of one process.  registry: others add theirs to it.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "synnefo_http_requests",
            "Answered requests.",
            ["service", "method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "synnefo_http_request_seconds",
            "From the head of a request to its answer; for streams, to the answer's head.",
            ["service"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, str, int], Any] = {}
        self._clocks: dict[str, Any] = {}

    def answered(self, service: str, method: str, route: str, status: int, seconds: float) -> None:
        """
        Count a request.  route: the pattern, not the path: there must be few of them.
        """
        key = (service, method, route, status)
        counter = self._known.get(key)
        if counter is None:  # `labels` takes longer than all else here
            counter = self._known[key] = self._requests.labels(*key)
            self._clocks.setdefault(service, self._seconds.labels(service))
        counter.inc()
        self._clocks[service].observe(seconds)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """
        A gauge that is asked for when somebody looks.
        """
        Gauge(name, text, registry=self.registry).set_function(value)

    def site(self) -> Site:
        """
        `/metrics`, for a port of its own.
        """
        root = Resource()
        root.putChild(b"metrics", _Page(self.registry))
        return Site(root)


class _Page(Resource):
    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render_GET(self, request: Any) -> bytes:
        request.setHeader("content-type", CONTENT_TYPE_LATEST)
        return generate_latest(self._registry)
