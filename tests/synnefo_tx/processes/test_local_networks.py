"""
The range of a new cloud's first network.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.processes.local_networks import (
    CANDIDATES,
    NoFreeNetwork,
    chosen_network,
    free_network,
    used_networks,
)

used = st.lists(
    st.builds(
        lambda third, length: IPv4Network(f"10.77.{third}.7/{length}", strict=False),
        st.integers(0, 255),
        st.integers(20, 30),
    ),
    max_size=8,
)


class FreeNetworkTests(SynchronousTestCase):
    """What is chosen."""

    @given(used)
    def test_overlaps_nothing_in_use(self, networks: list[IPv4Network]) -> None:
        """Whatever is in use, the choice is apart from it."""
        free = free_network(networks)
        self.assertFalse(any(free.overlaps(network) for network in networks))

    def test_all_in_use(self) -> None:
        """There may be none."""
        self.assertRaises(NoFreeNetwork, free_network, [CANDIDATES])

    def test_loopback_is_in_use(self) -> None:
        """This machine's own addresses are seen."""
        self.assertIn(IPv4Network("127.0.0.0/8"), used_networks())

    def test_named_network(self) -> None:
        """What the settings name is taken as it is; what is no IPv4 network is refused."""
        self.assertEqual(chosen_network("10.5.0.0/24"), IPv4Network("10.5.0.0/24"))
        for bad in ("10.5.0.1/24", "fd00::/64", "x"):
            self.assertRaises(ValueError, chosen_network, bad)
