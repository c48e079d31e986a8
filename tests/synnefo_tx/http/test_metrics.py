"""
What Prometheus is told.
"""

from __future__ import annotations

import re

from prometheus_client import generate_latest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.errors import TooManyRequests
from synnefo_tx.http.metrics import Metrics
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.identity.throttle import Throttle


class MetricsTests(SynchronousTestCase):
    """Counted in one process."""

    def told(self, metrics: Metrics, name: str) -> list[str]:
        lines = generate_latest(metrics.registry).decode().splitlines()
        return [line for line in lines if re.match(rf"{name}\b", line)]

    def test_requests(self) -> None:
        """By route and status, with their times."""
        metrics = Metrics()
        for status in (200, 200, 404):
            metrics.answered("identity", "GET", "/v3/users/<user_id>", status, 0.003)
        counted = self.told(metrics, "synnefo_http_requests_total")
        self.assertEqual(
            sorted(line.rpartition("status=")[2] for line in counted), ['"200"} 2.0', '"404"} 1.0']
        )
        [fast] = [
            line
            for line in self.told(metrics, "synnefo_http_request_seconds_bucket")
            if 'le="0.005"' in line
        ]
        self.assertTrue(fast.endswith(" 3.0"))

    def test_log_ins(self) -> None:
        """Wrong, delayed and locked ones are in the same registry."""
        metrics = Metrics()
        throttle = Throttle(Clock().seconds, account=Limits(0, 4), registry=metrics.registry)
        throttle.begin("a", "192.0.2.1").failed()
        self.assertRaises(TooManyRequests, throttle.begin, "a", "192.0.2.1")
        throttle.locked_out()
        for name in ("failed_total", "refused_total", "locked_total", "delay_seconds_count"):
            [line] = self.told(metrics, f"synnefo_logins_{name}")
            self.assertTrue(line.endswith(" 1.0"), line)

    def test_looked_up_when_asked(self) -> None:
        """A gauge has the value of the moment."""
        metrics, age = Metrics(), [1.0]
        metrics.watch("synnefo_revocations_age_seconds", "Age.", lambda: age[0])
        age[0] = 2.5
        self.assertEqual(
            self.told(metrics, "synnefo_revocations_age_seconds"),
            ["synnefo_revocations_age_seconds 2.5"],
        )
