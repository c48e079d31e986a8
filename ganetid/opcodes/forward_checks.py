"""
Whether ports of public addresses can lead where somebody wants: looked at before anything is done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ganetid.network.ports import FloatingAddress, PortForward
from ganetid.opcodes.typed_body import check_ip, wrong

PROTOCOLS = ("tcp", "udp")
PORTS = range(1, 65536)


def check_forwards(
    forwards: Iterable[PortForward], floating: Collection[FloatingAddress], where: str
) -> None:
    """
    Raises OpPrereqError, which names the field.

    floating: whole public addresses beside them; one of both is refused.
    """
    whole = {each.public for each in floating}
    seen: set[tuple[str, str, int]] = set()
    for index, each in enumerate(forwards):
        here = f"{where}[{index}]"
        check_ip(each.public, f"{here}.public", 4)
        check_ip(each.private, f"{here}.private", 4)
        if each.protocol not in PROTOCOLS:
            raise wrong(f"{here}.protocol", f"'{each.protocol}' is none of tcp, udp")
        for name in ("port", "private_port"):
            if getattr(each, name) not in PORTS:
                raise wrong(f"{here}.{name}", f"{getattr(each, name)} is not in 1 to 65535")
        if each.public in whole:
            raise wrong(f"{here}.public", f"{each.public} leads to one guest as a whole")
        key = (each.public, each.protocol, each.port)
        if key in seen:
            raise wrong(f"{here}.port", f"{each.protocol} port {each.port} is there twice")
        seen.add(key)
