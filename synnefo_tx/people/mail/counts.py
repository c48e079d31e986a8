"""
What is counted of letters, for Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from synnefo_tx.people.mail.claims import Figures


class MailCounts:
    """
    queue: as the sender saw it last, at most some seconds ago; the same for every worker.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self.queue = Figures(0, None, 0)
        self._clock = clock
        self.sent = Counter(
            "synnefo_mail_sent", "Letters that a mail server has taken.", registry=registry
        )
        self.put_off = Counter(
            "synnefo_mail_put_off", "Tries after which another follows.", registry=registry
        )
        self.given_up = Counter(
            "synnefo_mail_failed", "Letters refused for good, or tried too long.", registry=registry
        )
        for name, text, value in (
            ("queued", "Letters that wait.", lambda: self.queue.waiting),
            ("failed_kept", "Letters given up within a week.", lambda: self.queue.given_up),
            ("oldest_age_seconds", "How long the oldest letter has waited.", self._oldest_s),
        ):
            Gauge(f"synnefo_mail_{name}", text, registry=registry).set_function(value)

    def _oldest_s(self) -> float:
        oldest_at = self.queue.oldest_at
        return 0.0 if oldest_at is None else max(0.0, self._clock() - oldest_at)
