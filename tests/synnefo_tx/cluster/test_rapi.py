"""
The RAPI client against a Ganeti in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused, ICluster
from synnefo_tx.cluster.memory import MemoryGaneti
from synnefo_tx.cluster.rapi import Address


class RapiClusterTests(SynchronousTestCase):
    """What ICluster promises."""

    def setUp(self) -> None:
        self.ganeti = MemoryGaneti()
        self.cluster = self.ganeti.cluster()

    def submit(self, effect_id: str = "e1") -> Any:
        return Deferred.fromCoroutine(
            self.cluster.submit(effect_id, "POST", "/2/instances", {"x": "1"}, {"name": "Ω"})
        )

    def test_interface(self) -> None:
        """It is an ICluster."""
        verifyObject(ICluster, self.cluster)

    def test_one_effect_is_one_job(self) -> None:
        """The same effect sent twice is stored once."""
        ids = [self.successResultOf(self.submit(effect)) for effect in ("e1", "e1", "e2")]
        self.assertEqual((ids, len(self.ganeti.jobs)), ([1, 1, 2], 2))
        self.assertEqual(self.ganeti.jobs[0].body, {"name": "Ω"})
        self.assertEqual(self.ganeti.jobs[0].query, {"x": "1"})

    def test_full_queue_is_away(self) -> None:
        """503 says nothing about the request."""
        self.ganeti.away = True
        self.failureResultOf(self.submit(), ClusterAway)

    def test_refusal_has_the_words(self) -> None:
        """400 is a refusal, with Ganeti's explanation."""
        self.ganeti.refusal = "no such parameter"
        failure = self.failureResultOf(self.submit(), ClusterRefused)
        self.assertEqual((failure.value.status, failure.value.message), (400, "no such parameter"))

    def test_console(self) -> None:
        """The console's text."""
        log = Deferred.fromCoroutine(self.cluster.console_log("snf-1", 5))
        self.assertEqual(self.successResultOf(log), "console of snf-1\n")

    def test_get(self) -> None:
        """What RAPI shows; what is not there is refused, with its status."""
        self.ganeti.resources["/2/groups"] = [{"name": "default"}]
        asked = Deferred.fromCoroutine(self.cluster.get("/2/groups", {"bulk": "1"}))
        self.assertEqual(self.successResultOf(asked), [{"name": "default"}])
        absent = Deferred.fromCoroutine(self.cluster.get("/2/none", {}))
        self.assertEqual(self.failureResultOf(absent, ClusterRefused).value.status, 404)

    def test_password_is_not_shown(self) -> None:
        """An address may be logged."""
        self.assertNotIn("secret", repr(Address("https://c", "user", "secret")))
