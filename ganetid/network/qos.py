"""
How much a NIC may send and get, and how its packets are marked: pure functions.

What a guest gets waits in a queue (tc's tbf); what it sends above its limit is dropped (nft), since
a queue for what comes in needs modules of tc that not every kernel has.  Linux's limit in bytes
lets one second's worth through beside the burst.
Source: tc-tbf(8); net/netfilter/nft_limit.c of Linux 6.18.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganetid.network.links import Link
from ganetid.network.ports import NicQos
from ganetid.network.state import Place

QUEUE = "tbf"
BYTES_PER_KBIT = 125
USUAL_BURST = 0.8  # of a second; as Neutron has it
SMALLEST_BURST = 65_536  # or whole frames of a guest that lets its NIC cut them up never pass
LONGEST_BURST_S = 200  # tc counts it in 32 bits of 64 ns
LARGEST_BURST = 2**31 - 1


def burst_bytes(kbps: int, burst_kbit: int | None) -> int:
    """How much may pass at once, within what the kernel can count."""
    wanted = (kbps * USUAL_BURST if burst_kbit is None else burst_kbit) * BYTES_PER_KBIT
    least = max(int(wanted), SMALLEST_BURST)
    return min(least, kbps * BYTES_PER_KBIT * LONGEST_BURST_S, LARGEST_BURST)


def sending_rules(qos: NicQos) -> Iterable[str]:
    """Rules of nft for what comes from the guest; of no verdict but drop."""
    if qos.egress_kbps is not None:
        rate = qos.egress_kbps * BYTES_PER_KBIT
        burst = burst_bytes(qos.egress_kbps, qos.egress_burst_kbit)
        yield f"limit rate over {rate} bytes/second burst {burst} bytes drop"
    if qos.dscp is not None:
        for family in ("ip", "ip6"):
            yield f"meta protocol {family} {family} dscp set {qos.dscp}"


def queue_lines(place: Place, links: Mapping[str, Link]) -> tuple[str, ...]:
    """Lines for ``tc -batch``: the queue of what the guest gets; they may be said again."""
    qos, there = place.port.qos, links.get(place.tap)
    if qos.ingress_kbps is not None:
        burst = burst_bytes(qos.ingress_kbps, qos.ingress_burst_kbit)
        limit = f"rate {qos.ingress_kbps}kbit burst {burst}b latency 50ms"
        return (f"qdisc replace dev {place.tap} root {QUEUE} {limit}",)
    is_limited = there is not None and there.queue == QUEUE
    return (f"qdisc del dev {place.tap} root",) if is_limited else ()
