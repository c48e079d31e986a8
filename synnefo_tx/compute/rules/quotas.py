"""
Nova's names of quotas, and what of ours they mean.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from synnefo_tx.compute.rules.create_request import MAX_FILE_BYTES, MAX_FILE_PATH, MAX_FILES
from synnefo_tx.http.microversions import Version
from synnefo_tx.quota import registered
from synnefo_tx.quota.model import NO_LIMIT, Holding


@frozen
class Meaning:
    """
    unit: how many of ours one of Nova's is.
    """

    resource: str
    unit: int = 1

    def shown(self, holding: Holding) -> Holding:
        """
        A holding in Nova's units.
        """
        unit = self.unit
        limit = holding.limit // unit if holding.limit >= 0 else holding.limit
        return Holding(limit, -(-holding.used // unit), -(-holding.pending // unit))

    def ours(self, limit: int) -> int:
        """
        A limit of Nova's in our units.
        """
        return limit * self.unit if limit >= 0 else limit


NOVA = {
    "cores": Meaning(registered.TOTAL_CPU),
    "instances": Meaning(registered.VM),
    "key_pairs": Meaning(registered.KEYPAIR),
    "metadata_items": Meaning(registered.METADATA_ITEM),
    "ram": Meaning(registered.TOTAL_RAM, registered.MIB),
    "server_group_members": Meaning(registered.SERVER_GROUP_MEMBER),
    "server_groups": Meaning(registered.SERVER_GROUP),
}
# What a server takes besides: told to its user by the names that Cinder and Neutron have for it.
OTHERS = {
    "volumes": Meaning(registered.VOLUME),
    "gigabytes": Meaning(registered.DISK, registered.GIB),
    "ports": Meaning(registered.PORT),
}
RUNNING = (registered.CPU, registered.RAM)
# What Nova lists and nobody can change here: networking is Neutron's.
FIXED = {
    "fixed_ips": Holding(NO_LIMIT, 0),
    "floating_ips": Holding(NO_LIMIT, 0),
    "injected_file_content_bytes": Holding(MAX_FILE_BYTES, 0),
    "injected_file_path_bytes": Holding(MAX_FILE_PATH, 0),
    "injected_files": Holding(MAX_FILES, 0),
    "security_group_rules": Holding(NO_LIMIT, 0),
    "security_groups": Holding(NO_LIMIT, 0),
}
_NETWORKING = ("fixed_ips", "floating_ips", "security_group_rules", "security_groups")
_GROUPS = ("server_group_members", "server_groups")
_FILES = ("injected_file_content_bytes", "injected_file_path_bytes", "injected_files")
_NAMES = {one.resource: name for name, one in (NOVA | OTHERS).items()}


def hidden(version: Version) -> tuple[str, ...]:
    """
    Names that the microversion knows no more.
    """
    gone: tuple[str, ...] = _NETWORKING if version >= (2, 36) else ()
    return (*gone, *_FILES) if version >= (2, 57) else gone


def hidden_of_class(version: Version) -> tuple[str, ...]:
    """
    The same of quota classes.
    """
    gone = _NETWORKING if version >= (2, 50) else _GROUPS
    return (*gone, *_FILES) if version >= (2, 57) else gone


def charges(vcpus: int, ram_mib: int, disk_gib: int, ports: int) -> dict[str, int]:
    """
    What a server that runs takes of its quota.
    """
    return running(vcpus, ram_mib) | {
        registered.VM: 1,
        registered.TOTAL_CPU: vcpus,
        registered.TOTAL_RAM: ram_mib * registered.MIB,
        registered.VOLUME: 1,
        registered.DISK: disk_gib * registered.GIB,
        registered.PORT: ports,
    }


def running(vcpus: int, ram_mib: int) -> dict[str, int]:
    """
    What a server takes only while it runs.
    """
    return {registered.CPU: vcpus, registered.RAM: ram_mib * registered.MIB}


def to_start(reserved: Mapping[str, int]) -> dict[str, int]:
    """
    What a stopped server that holds `reserved` must take to run.
    """
    if not reserved or registered.CPU in reserved:
        return {}
    return {
        registered.CPU: reserved.get(registered.TOTAL_CPU, 0),
        registered.RAM: reserved.get(registered.TOTAL_RAM, 0),
    }


def to_stop(reserved: Mapping[str, int]) -> dict[str, int]:
    """
    What a server that holds `reserved` gives back when it runs no more.
    """
    return {name: reserved[name] for name in RUNNING if name in reserved}


def resized(reserved: Mapping[str, int], vcpus: int, ram_mib: int) -> dict[str, int]:
    """
    What a server that holds `reserved` takes of what a flavor's sizes decide, with those sizes.
    """
    sizes = running(vcpus, ram_mib) if registered.CPU in reserved else {}
    return sizes | {
        registered.TOTAL_CPU: vcpus,
        registered.TOTAL_RAM: ram_mib * registered.MIB,
    }


def larger(reserved: Mapping[str, int], wanted: Mapping[str, int]) -> dict[str, int]:
    """
    The larger of both, of each resource wanted.
    """
    return {name: max(amount, reserved.get(name, 0)) for name, amount in wanted.items()}


def short(resource: str, asked: int, holding: Holding) -> tuple[str, int, int, int]:
    """
    What is asked for, used and allowed of a resource of which there is too little, by Nova's name
    and in its unit as far as there is one.
    """
    name = _NAMES.get(resource, resource)
    meaning = (NOVA | OTHERS).get(name, Meaning(resource))
    shown = meaning.shown(holding)
    return name, asked // meaning.unit, shown.used, shown.limit
