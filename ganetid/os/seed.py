"""
The files in which cloud-init finds what a guest is to be: as a config drive, and as NoCloud's seed.

JSON is YAML too, so NoCloud's files are JSON.
"""

from __future__ import annotations

import json
from typing import Any

from ganetid.os.guest_facts import GuestFacts
from ganetid.os.network_data import openstack, version_1, version_2

Files = dict[str, bytes]

NO_CLOUD_LABEL = "cidata"
CLOUD_CONFIG = b"#cloud-config\n"
LATEST = "openstack/latest"


def config_drive(facts: GuestFacts) -> Files:
    """OpenStack's config drive; the volume's label is guest.config_drive.LABEL."""
    meta: dict[str, Any] = {
        "uuid": facts.uuid,
        "name": facts.hostname.partition(".")[0],
        "hostname": facts.hostname,
        "launch_index": 0,
        "availability_zone": "nova",
        "meta": dict(facts.meta),
    }
    if facts.ssh_keys:
        meta["public_keys"] = {f"key-{n}": key for n, key in enumerate(facts.ssh_keys)}
        meta["keys"] = [
            {"name": name, "type": "ssh", "data": key} for name, key in meta["public_keys"].items()
        ]
    files = {
        f"{LATEST}/meta_data.json": _document(meta),
        f"{LATEST}/network_data.json": _document(openstack(facts)),
        f"{LATEST}/vendor_data.json": _document(_vendor_data(facts)),
    }
    if facts.user_data is not None:
        files[f"{LATEST}/user_data"] = facts.user_data
    return files


def no_cloud(facts: GuestFacts, network_version: int = 2) -> Files:
    """NoCloud's seed; the volume's label is NO_CLOUD_LABEL.  network_version: 1 or 2."""
    meta: dict[str, Any] = {
        **facts.meta,
        "instance-id": facts.uuid,
        "local-hostname": facts.hostname,
    }
    if facts.ssh_keys:
        meta["public-keys"] = list(facts.ssh_keys)
    network = {1: version_1, 2: version_2}[network_version](facts)
    return {
        "meta-data": _document(meta),
        "network-config": _document(network),
        "user-data": facts.user_data if facts.user_data is not None else CLOUD_CONFIG,
        "vendor-data": CLOUD_CONFIG + _document(_cloud_config(facts)),
    }


def _vendor_data(facts: GuestFacts) -> dict[str, str]:
    config = _cloud_config(facts)
    if not config:
        return {}
    return {"cloud-init": (CLOUD_CONFIG + _document(config)).decode()}


def _cloud_config(facts: GuestFacts) -> dict[str, Any]:
    """What cloud-init does by its own means; what the user's data say counts more."""
    if facts.password_hash is None:
        return {}
    return {
        "ssh_pwauth": True,
        "password": facts.password_hash,
        "chpasswd": {"expire": False},
    }


def _document(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()
