"""
Guests' public addresses on the networks outside: the node answers for them by ARP.
"""

from __future__ import annotations

from collections.abc import Collection

from ganetid.network.wire.frames import (
    ARP,
    ARP_REPLY,
    ARP_REQUEST,
    BROADCAST,
    Arp,
    BadFrame,
    Ethernet,
    read_arp,
    read_ethernet,
    write_arp,
    write_ethernet,
)

NOBODY = "00:00:00:00:00:00"


def answer_for_public(frame: bytes, public: Collection[str], mac: str | None) -> bytes | None:
    """
    The answer to a question for one of these addresses, None for nothing.

    mac: of the interface that the question came in by.
    """
    try:
        asked = read_ethernet(frame)
        if asked.ethertype != ARP or mac is None:
            return None
        question = read_arp(asked.payload)
    except BadFrame:
        return None
    if question.operation != ARP_REQUEST or question.target not in public:
        return None
    if question.sender == question.target:
        return None
    reply = Arp(ARP_REPLY, mac, question.target, question.sender_mac, question.sender)
    return write_ethernet(Ethernet(question.sender_mac, mac, ARP, write_arp(reply)))


def announcement(address: str, mac: str) -> bytes:
    """A gratuitous ARP: the address is at this MAC address now (RFC 5227)."""
    told = Arp(ARP_REQUEST, mac, address, NOBODY, address)
    return write_ethernet(Ethernet(BROADCAST, mac, ARP, write_arp(told)))
