"""When a master has the cluster's address, and when it lets go of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ganetid.cluster.address import ClusterPlace
from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import ClusterFacts
from ganetid.node.cluster_address import ClusterAddress
from ganetid.roles.own_address import CUT_OFF_FOR_S, OwnAddress

PARAMETERS = {"master_ip": "192.0.2.9", "master_netdev": "eth0", "master_netmask": 24}


class Holder:
    """As far as it needs a machine; remembers what it was told."""

    def __init__(self) -> None:
        self.held: list[ClusterPlace | None] = []

    async def hold_cluster_address(self, place: ClusterPlace) -> None:
        self.held.append(place)

    async def release_cluster_address(self) -> None:
        self.held.append(None)


class OwnAddressTests(SynchronousTestCase):
    """OwnAddress."""

    def setUp(self) -> None:
        facts = evolve(ClusterFacts("u", "u", "u", 0.0), params=PARAMETERS)
        self.clock, self.holder, self.is_cut_off = Clock(), Holder(), False
        node: Any = self.holder
        self.own = OwnAddress(
            Configuration("c", "one", facts), node, lambda: self.is_cut_off, self.clock.seconds
        )
        self.place = ClusterPlace("192.0.2.9/24", "eth0")

    def look(self) -> list[ClusterPlace | None]:
        self.successResultOf(Deferred.fromCoroutine(self.own.look()))
        return self.holder.held

    def test_cut_off(self) -> None:
        """It goes when others were not heard for a while, and comes back when they are."""
        self.assertEqual(self.look(), [self.place])
        self.is_cut_off = True
        self.look()
        self.clock.advance(CUT_OFF_FOR_S - 0.1)
        self.assertEqual(self.look(), [self.place])
        self.clock.advance(0.2)
        self.assertEqual(self.look(), [self.place, None])
        self.assertEqual(self.look(), [self.place, None])
        self.is_cut_off = False
        self.assertEqual(self.look(), [self.place, None, self.place])

    def test_heard_between(self) -> None:
        """Each time that others are not heard counts on its own."""
        self.look()
        for _ in range(5):
            for self.is_cut_off in (True, False):
                self.assertEqual(self.look(), [self.place])
                self.clock.advance(CUT_OFF_FOR_S - 1)


class RenewalTests(TestCase):
    """ClusterAddress."""

    def test_goes_on(self) -> Deferred[None]:
        """A turn of the renewal that fails is logged, and the next one comes."""
        path = Path(tempfile.mkdtemp()) / "cluster_address.json"
        address = ClusterAddress(reactor, path)

        async def check() -> None:
            path.write_text("{")
            await address.renew()
            self.assertEqual(len(self.flushLoggedErrors(msgspec.DecodeError)), 1)
            path.unlink()
            path.parent.rmdir()
            await address.renew()

        return Deferred.fromCoroutine(check())
