"""
Flavors as Nova shows them.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.compute.views.links import both
from synnefo_tx.http.microversions import Version

Json = dict[str, Any]


def basic(row: Any, base: str, version: Version) -> Json:
    """
    In a plain list.
    """
    view = {"id": row.id, "name": row.name, "links": both(base, "flavors", row.id)}
    if version >= (2, 55):
        view["description"] = row.description
    return view


def full(row: Any, base: str, version: Version) -> Json:
    """
    On its own, or in a detailed list.
    """
    view = {
        "id": row.id,
        "name": row.name,
        "ram": row.ram_mib,
        "disk": row.disk_gib,
        "swap": row.swap_mib or (0 if version >= (2, 75) else ""),
        "OS-FLV-EXT-DATA:ephemeral": row.ephemeral_gib,
        "OS-FLV-DISABLED:disabled": False,
        "vcpus": row.vcpus,
        "os-flavor-access:is_public": row.is_public,
        "rxtx_factor": row.rxtx_factor,
        "links": both(base, "flavors", row.id),
    }
    if version >= (2, 55):
        view["description"] = row.description
    if version >= (2, 61):
        view["extra_specs"] = row.extra_specs
    return view


def specs(extra_specs: dict[str, str]) -> Json:
    """
    A flavor's extra specs, or some of them.
    """
    return {"extra_specs": extra_specs}
