"""
How often wrong credentials are listened to: a few at once, then slowly, for each address.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

BURST = 20
EVERY_S = 6.0  # one more attempt
MOST_ADDRESSES = 10_000
ONE_HOME = 64  # bits of an IPv6 address that its user can't choose


def source_of(address: str) -> str:
    """Whose attempts count together: an IPv4 address, of IPv6 all that one network may use."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, ONE_HOME), strict=False))


class Attempts:
    """
    Failed attempts by source.  Time is an argument.

    A source that has used its attempts up is refused without a look at its credentials.
    """

    def __init__(self, burst: int = BURST, every_s: float = EVERY_S) -> None:
        self._burst = burst
        self._every_s = every_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, source: str, now: float) -> float:
        """Seconds until the source may try; 0: now."""
        left = self._now_left(source, now)
        return 0.0 if left >= 1 else (1 - left) * self._every_s

    def failed(self, source: str, now: float) -> None:
        """The source's credentials were wrong."""
        self._left[source] = (self._now_left(source, now) - 1, now)
        self._left.move_to_end(source)
        while len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)

    def _now_left(self, source: str, now: float) -> float:
        known = self._left.get(source)
        if known is None:
            return float(self._burst)
        left, at = known
        passed_s = max(0.0, now - at)  # a clock may be set back
        return min(float(self._burst), left + passed_s / self._every_s)
