"""
Addresses given to ports, and taken back.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.network import port_errors
from synnefo_tx.network.rows.addresses import AddressWish, lowest_free
from synnefo_tx.network.rows.networks import create_network, create_subnet
from synnefo_tx.network.rows.ports import NewPort, create_port, set_status
from synnefo_tx.network.rows.tables import port_addresses, ports
from synnefo_tx.store.memory import immediate_database


def _network(connection: Connection, cidr: str, gateway: str, start: str, end: str) -> None:
    create_network(connection, "n", "p", "net", False, 1500, "br0", 0)
    create_subnet(
        connection,
        id="s",
        network_id="n",
        project_id="p",
        name="sub",
        cidr=cidr,
        gateway_ip=gateway,
        dns_nameservers=(),
        pool_start=start,
        pool_end=end,
        now_us=0,
    )


def _take(connection: Connection, offset: int) -> None:
    connection.execute(
        insert(ports).values(
            id=f"port-{offset}",
            network_id="n",
            project_id="p",
            name="",
            mac_address=f"m{offset}",
            device_id="d",
            device_owner="",
            status="DOWN",
            created_at=0,
            updated_at=0,
        )
    )
    connection.execute(
        insert(port_addresses).values(
            subnet_id="s",
            ip_address=str(offset),
            port_id=f"port-{offset}",
            position=0,
            ip_offset=offset,
        )
    )


class AddressTests(SynchronousTestCase):
    """
    The lowest free address of a pool.
    """

    def setUp(self) -> None:
        database = immediate_database(Path(self.mktemp()))
        self.addCleanup(database.engine.dispose)
        self.connection = database.engine.connect()
        self.addCleanup(self.connection.close)

    def _port(self, address: str | None = None, device: str = "d") -> str:
        wishes = None if address is None else (AddressWish(ip_address=address),)
        wanted = NewPort(network_id="n", project_id="p", device_id=device, wishes=wishes)
        (given_one,) = create_port(self.connection, wanted, 0).addresses
        return given_one.ip_address

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(taken=st.sets(st.integers(0, 12)), first=st.integers(0, 6), length=st.integers(0, 6))
    def test_lowest_free(self, taken: set[int], first: int, length: int) -> None:
        """The same as looking at every offset in turn."""
        with self.connection.begin() as transaction:
            _network(self.connection, "10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.9")
            for offset in taken:
                _take(self.connection, offset)
            last = first + length
            expected = min(set(range(first, last + 1)) - taken, default=None)
            found = lowest_free(self.connection, "s", first, last)
            transaction.rollback()
        self.assertEqual(found, expected)

    def test_gaps_are_filled_and_the_end_is_the_end(self) -> None:
        """Freed addresses are given again, and a used up pool is said to be so."""
        _network(self.connection, "10.0.0.0/29", "10.0.0.1", "10.0.0.2", "10.0.0.4")
        given_ones = [self._port() for _ in range(3)]
        self.assertEqual(given_ones, ["10.0.0.2", "10.0.0.3", "10.0.0.4"])
        self.assertRaises(port_errors.NoMoreAddresses, self._port)
        gone = port_addresses.c.ip_address == "10.0.0.3"
        self.connection.execute(delete(port_addresses).where(gone))
        self.assertEqual(self._port(), "10.0.0.3")

    def test_the_last_of_a_large_pool(self) -> None:
        """One that is begun anywhere is looked through whole."""
        _network(self.connection, "10.0.0.0/16", "10.0.0.1", "10.0.0.2", "10.0.31.255")
        for offset in set(range(2, 0x2000)) - {3, 0x1000}:
            _take(self.connection, offset)
        self.assertEqual({self._port(), self._port()}, {"10.0.0.3", "10.0.16.0"})
        self.assertRaises(port_errors.NoMoreAddresses, self._port)

    def test_wanted_addresses(self) -> None:
        """One outside the pool but within the subnet is fine; the reserved ones are not."""
        _network(self.connection, "10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.4")
        self.assertEqual(self._port("10.0.0.200"), "10.0.0.200")
        for taken in ("10.0.0.200", "10.0.0.1"):
            self.assertRaises(port_errors.AddressInUse, self._port, taken)
        for wrong in ("10.0.0.0", "10.0.0.255", "10.0.1.1", "fd00::1"):
            self.assertRaises(port_errors.InvalidAddress, self._port, wrong)

    def test_version_6(self) -> None:
        """Addresses of a /64 are counted from its beginning, too."""
        _network(self.connection, "fd00::/64", "fd00::1", "fd00::2", "fd00::ff")
        self.assertEqual([self._port() for _ in range(2)], ["fd00::2", "fd00::3"])
        self.assertEqual(self._port("fd00::1:1"), "fd00::1:1")
        self.assertEqual(self._port("fd00::f800:0:0:1"), "fd00::f800:0:0:1")
        self.assertRaises(port_errors.AddressInUse, self._port, "fd00::f800:0:0:1")

    def test_hardware_addresses_differ(self) -> None:
        """And are of Neutron's range."""
        _network(self.connection, "10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.254")
        for _ in range(50):
            self._port()
        found = set(self.connection.execute(select(ports.c.mac_address)).scalars())
        self.assertEqual(len(found), 50)
        self.assertTrue(all(mac.startswith("fa:16:3e:") for mac in found))

    def test_status(self) -> None:
        """All ports of a device change together."""
        _network(self.connection, "10.0.0.0/24", "10.0.0.1", "10.0.0.2", "10.0.0.254")
        for device in ("a", "a", "b"):
            self._port(device=device)
        set_status(self.connection, "a", "ACTIVE", 7)
        rows = self.connection.execute(select(ports).order_by(ports.c.device_id))
        self.assertEqual(
            [(row.status, row.updated_at) for row in rows],
            [("ACTIVE", 7), ("ACTIVE", 7), ("DOWN", 0)],
        )

    def test_pools_that_can_not_be(self) -> None:
        """A pool outside its subnet, backwards, or around the gateway."""
        for start, end in (
            ("10.0.1.2", "10.0.1.9"),
            ("10.0.0.9", "10.0.0.2"),
            ("10.0.0.1", "10.0.0.9"),
        ):
            with self.assertRaises(ValueError):
                _network(self.connection, "10.0.0.0/24", "10.0.0.1", start, end)
            self.connection.rollback()
