"""
A daemon that plugs and unplugs without end, to be killed: ``python -m ... NAMESPACE FOLDER SEED``.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from ganetid.network.names import router_mac
from ganetid.network.ports import (
    FloatingAddress,
    GroupPlan,
    NetworkPlan,
    PortPlan,
    RouterPlan,
    RouterPort,
    SecurityRule,
    Vxlan,
)
from ganetid.network.tap import TapNetwork, TapSettings
from tests.ganetid.network.lab import CLUSTER

NETWORKS = (
    NetworkPlan("one", "gtbr1", subnet="10.7.0.0/24", gateway="10.7.0.1"),
    NetworkPlan("two", "gtbr2", subnet="10.7.0.0/24", gateway="10.7.0.1"),
    NetworkPlan("three", "vxlan:9", subnet="10.9.0.0/24", vxlan=Vxlan(9, ("192.0.2.9",))),
    NetworkPlan("four", "99", "routed", subnet="203.0.113.0/24", open_inwards=True),
)
ROUTER = RouterPlan(
    "router", "0000-7",
    (RouterPort("one", router_mac("0000-7", "one", None), ("10.7.0.3/24",)),
     RouterPort("three", router_mac("0000-7", "three", None), ("10.9.0.1/24",))),
)  # fmt: skip
ROUTES = ((), (("10.99.0.0/16", "10.9.0.5"),))
NAMES = tuple(f"guest-{number}" for number in range(6))


def port_of(name: str, dice: random.Random) -> PortPlan:
    """A NIC of the instance, with what a NIC may have."""
    number = NAMES.index(name) + 5
    network = dice.choice(NETWORKS)
    prefix = (network.subnet or "").rsplit(".", 1)[0]
    public = (FloatingAddress(f"198.51.100.{number}", f"{prefix}.{number}"),)
    return PortPlan(
        f"uuid-{name}", f"fa:16:3e:00:00:0{number:x}", (f"{prefix}.{number}",), network.name,
        network.mode, host_name=name, firewall=dice.choice([None, "protected"]),
        rules=dice.choice([None, (SecurityRule("in", remote_group="g"),)]),
        floating=dice.choice([(), public]) if network.mode != "routed" else (),
    )  # fmt: skip


async def plug_without_end(network: TapNetwork, dice: random.Random) -> None:
    await network.begin(frozenset(NAMES))
    await network.carry(NETWORKS)
    print("begun", flush=True)
    while True:
        name = dice.choice(NAMES)
        match dice.randrange(8):
            case 0 | 1 | 2:
                await network.plug(name, (port_of(name, dice),), {"a": b"b"})
            case 3:
                await network.unplug(name)
            case 4:
                await network.carry(tuple(dice.sample(NETWORKS, dice.randrange(2, 5))))
                await network.carry(NETWORKS)
            case 5:
                await network.share_groups((GroupPlan("g", (f"10.7.0.{dice.randrange(9)}",)),))
            case 6:
                await network.put_router(evolve(ROUTER, routes=dice.choice(ROUTES)))
            case 7:
                await network.carry_routers(dice.choice([(), (ROUTER,)]))


def main(namespace: str, folder: str, seed: str) -> None:
    network = TapNetwork(reactor, CLUSTER, TapSettings(namespace), Path(folder))

    def failed(failure: Any) -> None:
        failure.printTraceback(file=sys.stderr)
        reactor.stop()  # type: ignore[attr-defined]

    work = plug_without_end(network, random.Random(int(seed)))
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(work).addErrback(failed))  # type: ignore[attr-defined]
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(*sys.argv[1:])
