"""
A real guest gets a second network while it runs: network, subnet and port made by calls.  Its
security group lets out what it says.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.end_to_end.journey import Journey
from tests.live.cloud import AllInOne, eventually, guest_image


class SecondNetworkTests(TestCase):
    """One guest on the newcomer's cloud."""

    timeout = 180

    def setUp(self) -> Any:
        self.image = guest_image()
        self.cloud = AllInOne(None)
        self.addCleanup(deferToThread, self.cloud.end)
        return deferToThread(self.cloud.begin)

    def test_attached_live(self) -> Any:
        """The guest sees the port's MAC address, is given its address, and loses it again."""
        return deferToThread(self._live)

    def _live(self) -> None:
        self.journey = Journey(self.cloud)
        conn = self.journey.conn
        key = self.journey.make_key()
        server = self.journey.boot(self.journey.upload(self.image), key)
        if not self.cloud.can_tap:
            return
        self.address = self.journey.address(server)
        eventually(lambda: self.journey.banner(self.address), 60, "SSH greets")
        self._group_shuts()
        network = conn.network.create_network(name="second")
        subnet = conn.network.create_subnet(
            network_id=network.id, ip_version=4, cidr="10.77.0.0/24", gateway_ip=None
        )
        port = conn.network.create_port(
            network_id=network.id, fixed_ips=[{"ip_address": "10.77.0.50"}]
        )
        conn.compute.create_server_interface(server, port_id=port.id)
        self._port_becomes(port.id, "ACTIVE")
        name = eventually(lambda: self._device_of(port.mac_address), 15, "the guest sees it")
        self._says(f"ip link set {name} up; udhcpc -n -q -i {name} || true")
        eventually(lambda: "10.77.0.50/24" in self._says(f"ip -4 addr show {name}"), 20,
                   "the guest has its address")  # fmt: skip
        conn.compute.delete_server_interface(port.id, server=server)
        self._port_becomes(port.id, "DOWN")
        eventually(lambda: not self._device_of(port.mac_address), 15, "the guest has lost it")
        for delete, thing in (
            (conn.network.delete_port, port),
            (conn.network.delete_subnet, subnet),
            (conn.network.delete_network, network),
        ):
            delete(thing, ignore_missing=False)
        self.journey.delete(server)

    def _group_shuts(self) -> None:
        """Without the rule that lets it out the guest reaches nobody; with it again, it does."""
        network = self.journey.conn.network
        gateway = self._says("ip route | awk '/^default/ {print $3}'").split()[0]
        (rule,) = network.security_group_rules(direction="egress", ethertype="IPv4")
        self.assertTrue(self._reaches(gateway))
        network.delete_security_group_rule(rule)
        eventually(lambda: not self._reaches(gateway), 30, "the guest is kept in")
        network.create_security_group_rule(
            security_group_id=rule.security_group_id, direction="egress", ethertype="IPv4"
        )
        eventually(lambda: self._reaches(gateway), 30, "the guest is let out again")

    def _reaches(self, address: str) -> bool:
        return "there" in self._says(f"ping -c 1 -W 2 {address} > /dev/null && echo there || true")

    def _port_becomes(self, port_id: str, status: str) -> None:
        port = self.journey.conn.network.get_port
        eventually(lambda: port(port_id).status == status, 30, f"the port is {status}")

    def _device_of(self, mac: str) -> str:
        """The guest's name of it; empty when there is none."""
        found = self._says(f"grep -il {mac} /sys/class/net/*/address || true")
        return found.strip().removesuffix("/address").rpartition("/")[2]

    def _says(self, command: str) -> str:
        return self.journey.ssh(self.address, command)
