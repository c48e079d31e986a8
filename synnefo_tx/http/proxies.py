"""
Who calls when proxies stand between: X-Forwarded-For counts as far as our own proxies wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from attrs import frozen

MOST = 32  # addresses that are looked at


@frozen
class Proxies:
    """
    networks: where our own proxies are; without any, the header is never looked at.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, texts: Sequence[str]) -> Proxies:
        """
        Of addresses and networks such as "10.0.0.0/8".  Raises ValueError.
        """
        return cls(tuple(ip_network(text) for text in texts))

    def client_of(self, peer: str, forwarded: Sequence[str]) -> str:
        """
        The address of the client.  peer: of the connection.  forwarded: the values of
        X-Forwarded-For, in their order.

        From the last entry on, each was written by whom the one after it names; the first that is
        no proxy of ours is the client, whatever it has written before.
        """
        if not self.trusts(peer):
            return peer
        entries = ",".join(forwarded).split(",")[-MOST:]
        for entry in reversed(entries):
            try:
                found = ip_address(entry.strip())
            except ValueError:
                return peer
            peer = str(getattr(found, "ipv4_mapped", None) or found)
            if not self.trusts(peer):
                return peer
        return peer

    def trusts(self, text: str) -> bool:
        """
        Whether a proxy of ours has this address.
        """
        if not self.networks:
            return False
        try:
            found = ip_address(text)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self.networks)
