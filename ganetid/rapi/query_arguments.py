"""
Arguments that resources take in the query, for their description.

What handlers look at beyond this fails a test (`tests.ganetid.rapi.test_described`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FLAG: Mapping[str, Any] = {"type": "integer", "enum": [0, 1]}
NUMBER: Mapping[str, Any] = {"type": "integer"}
TEXT: Mapping[str, Any] = {"type": "string"}
MANY: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}  # the argument again

ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "after": TEXT,
    "allocatable": FLAG,
    "auto-promote": FLAG,
    "bulk": FLAG,
    "disk": NUMBER,
    "disks": TEXT,
    "dry-run": FLAG,
    "fields": TEXT,
    "force": FLAG,
    "iallocator": TEXT,
    "ignore_secondaries": FLAG,
    "ignore_size": FLAG,
    "instance": MANY,
    "length": NUMBER,
    "limit": NUMBER,
    "live": FLAG,
    "lock": FLAG,
    "memory": NUMBER,
    "mode": TEXT,
    "name": TEXT,
    "no_remember": FLAG,
    "nostartup": FLAG,
    "os": TEXT,
    "output_fields": TEXT,
    "reason": TEXT,
    "remote_node": TEXT,
    "running": FLAG,
    "static": FLAG,
    "status": MANY,
    "storage_type": TEXT,
    "tag": MANY,
    "template": TEXT,
    "type": TEXT,
    "vcpus": NUMBER,
}
OF_COLLECTIONS = ("bulk", "limit", "after", "tag", "fields")
OF_JOBS = ("dry-run", "reason")
INSTANCE, NODE = "/2/instances/{name}", "/2/nodes/{name}"
TAGGED = ("/2", INSTANCE, NODE, "/2/groups/{name}", "/2/networks/{name}")
OWN: Mapping[tuple[str, str], Sequence[str]] = {
    **{
        ("GET", f"/2/{kind}"): OF_COLLECTIONS
        for kind in ("instances", "nodes", "groups", "networks", "security-groups", "routers")
    },
    **{(method, f"{path}/tags"): ("tag",) for path in TAGGED for method in ("PUT", "DELETE")},
    ("GET", "/2/jobs"): ("bulk", "limit", "after", "status", "fields"),
    ("GET", "/2/jobs/{id}"): ("fields",),
    ("DELETE", "/2/jobs/{id}"): ("running",),
    ("GET", "/2/filters"): ("bulk",),
    ("GET", "/2/os"): ("bulk",),
    ("GET", "/2/events"): ("after", "type", "instance"),
    ("GET", "/2/query/{name}"): ("fields",),
    ("PUT", "/2/query/{name}"): ("fields",),
    ("GET", "/2/query/{name}/fields"): ("fields",),
    ("GET", "/2/capacity"): ("memory", "vcpus", "disk", "template"),
    ("GET", "/2/balance"): ("limit",),
    ("GET", INSTANCE): ("lock",),
    ("GET", f"{INSTANCE}/info"): ("static",),
    ("GET", f"{INSTANCE}/console-log"): ("length",),
    ("PUT", f"{INSTANCE}/startup"): ("force", "no_remember"),
    ("PUT", f"{INSTANCE}/shutdown"): ("no_remember",),
    ("POST", f"{INSTANCE}/reboot"): ("ignore_secondaries", "type"),
    ("POST", f"{INSTANCE}/reinstall"): ("os", "nostartup"),
    ("PUT", f"{INSTANCE}/activate-disks"): ("ignore_size",),
    ("PUT", f"{INSTANCE}/deactivate-disks"): ("force",),
    ("POST", f"{INSTANCE}/replace-disks"): ("remote_node", "mode", "disks", "iallocator"),
    ("PUT", f"{INSTANCE}/prepare-export"): ("mode",),
    ("PUT", f"{NODE}/role"): ("force", "auto-promote"),
    ("POST", f"{NODE}/powercycle"): ("force",),
    ("POST", f"{NODE}/migrate"): ("live", "mode"),
    ("GET", f"{NODE}/storage"): ("output_fields", "storage_type"),
    ("PUT", f"{NODE}/storage/modify"): ("name", "storage_type", "allocatable"),
    ("PUT", f"{NODE}/storage/repair"): ("name", "storage_type"),
    ("PUT", "/2/groups/{name}/assign-nodes"): ("force",),
}
NEEDED = {
    (f"{NODE}/storage", "output_fields"),
    (f"{NODE}/storage/modify", "name"),
    (f"{NODE}/storage/repair", "name"),
}


def query_arguments(method: str, path: str, makes_job: bool) -> Iterator[dict[str, Any]]:
    """As OpenAPI describes them."""
    names = [*OWN.get((method, path), ()), *(OF_JOBS if makes_job else ())]
    for name in names:
        is_many = ARGUMENTS[name] is MANY
        yield {
            "name": name,
            "in": "query",
            "required": (path, name) in NEEDED,
            "schema": dict(ARGUMENTS[name]),
            **({"style": "form", "explode": True} if is_many else {}),
        }
