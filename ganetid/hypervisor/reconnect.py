"""
A disk's new size, told to the running guest.

QEMU learns the size of an NBD export when it connects, and then sticks to it.  So it connects
anew, beside the old connection, and the device changes over to the new one.
"""

from __future__ import annotations

import re
from typing import Any

from ganetid.hypervisor import device_ids
from ganetid.hypervisor.blocks import OPEN_TIMEOUT_S, RECONNECT_S
from ganetid.hypervisor.guest_run import GuestRun
from ganetid.hypervisor.hotplug import PERIPHERALS, names
from ganetid.opcodes.errors import HypervisorError

# Source: QEMU 7.2, block/nbd.c, nbd_refresh_filename
_UNIX = re.compile(r"nbd\+unix:///(?P<export>[^?]*)\?socket=(?P<path>.+)")
_HOST = re.compile(r"nbd://(?P<host>[^/]+):(?P<port>\d+)/(?P<export>[^?]*)")


async def resize(run: GuestRun, uuid: str, size_bytes: int) -> None:
    """See IHypervisor.  Raises HypervisorError."""
    device = device_ids.of_uuid("disk", uuid)
    if device not in await names(run):
        raise HypervisorError(f"Instance {run.name} has no disk {uuid}")
    node = await _node_of(run, device)
    if node["drv"] == "nbd":
        node = await _connect_anew(run, device, node)
    await run.ask("block_resize", node_name=node["node-name"], size=size_bytes)


async def _node_of(run: GuestRun, device: str) -> dict[str, Any]:
    known = await run.ask("query-named-block-nodes", flat=True)
    inserted: str = await run.ask("qom-get", path=f"{PERIPHERALS}/{device}", property="drive")
    for node in known:
        if node.get("node-name") == inserted:
            return dict(node)
    raise HypervisorError(f"Instance {run.name} has no block node {inserted}")


async def _connect_anew(run: GuestRun, device: str, old: dict[str, Any]) -> dict[str, Any]:
    before = old["node-name"]
    after = next(name for name in device_ids.backends(device) if name != before)
    await run.ask_quietly("blockdev-del", node_name=after)
    await run.ask_with("blockdev-add", _same_but(old, after))
    try:
        await run.ask("qom-set", path=f"{PERIPHERALS}/{device}", property="drive", value=after)
    except HypervisorError:
        await run.ask_quietly("blockdev-del", node_name=after)
        raise
    await run.ask_quietly("blockdev-del", node_name=before)
    return await _node_of(run, device)


def _same_but(old: dict[str, Any], name: str) -> dict[str, Any]:
    """How to connect to the same export again, from QEMU's account of the node."""
    place = str(old["image"]["filename"])
    by_unix, by_host = _UNIX.fullmatch(place), _HOST.fullmatch(place)
    if by_unix is not None:
        server = {"type": "unix", "path": by_unix["path"]}
    elif by_host is not None:
        server = {"type": "inet", "host": by_host["host"].strip("[]"), "port": by_host["port"]}
    else:
        raise HypervisorError(f"QEMU does not tell where the disk is: {place}")
    export = (by_unix or by_host)["export"]  # type: ignore[index]
    return {
        "driver": "nbd",
        "node-name": name,
        "server": server,
        "export": export,
        "reconnect-delay": RECONNECT_S,
        "open-timeout": OPEN_TIMEOUT_S,
        "read-only": bool(old["ro"]),
        "cache": {"direct": bool(old["cache"]["direct"]), "no-flush": False},
        **({} if old["ro"] else {"discard": "unmap"}),
    }
