"""
What a guest uses, as Nova shows it: in libvirt's words before 2.48.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synnefo_tx.compute.rules.states import PAUSED, RUNNING, SUSPENDED

Json = dict[str, Any]

KIB_OF_MIB = 1024
NANOSECONDS = 1_000_000_000
# Nova's power states, as its clients know them by name.
_STATES = {RUNNING: "running", PAUSED: "paused", SUSPENDED: "suspended"}


def in_libvirts_words(told: Json, vcpus: int) -> Json:
    """
    told: what ganetid counts of the guest.  The processor time of its process is shared out evenly.
    """
    view: Json = {
        f"cpu{place}_time": int(told["cpu_s"] * NANOSECONDS / vcpus) for place in range(vcpus)
    }
    for place, drive in enumerate(told["drives"]):
        name = _device(place)
        view |= {
            f"{name}_read_req": drive["reads"],
            f"{name}_read": drive["read_bytes"],
            f"{name}_write_req": drive["writes"],
            f"{name}_write": drive["written_bytes"],
            f"{name}_errors": -1,
        }
    for nic in told["nics"]:
        tap = nic["tap"]
        view |= {
            f"{tap}_rx": nic["received_bytes"],
            f"{tap}_rx_packets": nic["received_packets"],
            f"{tap}_tx": nic["sent_bytes"],
            f"{tap}_tx_packets": nic["sent_packets"],
        }
    view["memory"] = told["memory_mib"] * KIB_OF_MIB
    view["memory-rss"] = told["resident_bytes"] // 1024
    return view


def standardised(row: Any, told: Json, macs: Sequence[str], now_us: int) -> Json:
    """
    From 2.48 on.  macs: of its ports, in the order of its NICs.  What is not counted is null.
    """
    flavor = row.flavor
    vcpus = flavor["vcpus"]
    each_ns = int(told["cpu_s"] * NANOSECONDS / vcpus)
    started = row.launched_at if row.launched_at is not None else now_us
    return {
        "state": _STATES.get(row.power_state, "shutdown"),
        "driver": "libvirt",  # Nova's schema knows none nearer to ours
        "hypervisor": "kvm",
        "hypervisor_os": "linux",
        "uptime": max(0, (now_us - started) // 1_000_000),
        "config_drive": bool(row.config_drive),
        "num_cpus": vcpus,
        "num_nics": len(told["nics"]),
        "num_disks": len(told["drives"]),
        "cpu_details": [
            {"id": place, "time": each_ns, "utilisation": None} for place in range(vcpus)
        ],
        "disk_details": [_disk(drive) for drive in told["drives"]],
        "nic_details": [
            _nic(nic, macs[place] if place < len(macs) else None)
            for place, nic in enumerate(told["nics"])
        ],
        "memory_details": {
            "maximum": flavor["ram"],
            "used": told["resident_bytes"] // (1024 * 1024),
        },
    }


def _device(place: int) -> str:
    return f"vd{chr(ord('a') + place)}"


def _disk(drive: Json) -> Json:
    return {
        "read_bytes": drive["read_bytes"],
        "read_requests": drive["reads"],
        "write_bytes": drive["written_bytes"],
        "write_requests": drive["writes"],
        "errors_count": None,
    }


def _nic(nic: Json, mac: str | None) -> Json:
    return {
        "mac_address": mac,
        "rx_octets": nic["received_bytes"],
        "rx_packets": nic["received_packets"],
        "tx_octets": nic["sent_bytes"],
        "tx_packets": nic["sent_packets"],
        **dict.fromkeys(("rx_errors", "rx_drop", "rx_rate", "tx_errors", "tx_drop", "tx_rate")),
    }
