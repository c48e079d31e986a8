"""
What the cluster knows: frozen values, made durable as JSON documents.

Sizes are MiB as in Ganeti; times are seconds since the epoch.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

ADMIN_UP = "up"
ADMIN_DOWN = "down"

SOURCE_ADMIN = "admin"
SOURCE_USER = "user"


@frozen
class Disk:
    """
    A disk of an instance.  With template ext, `name` is the volume's name at its provider.

    params: further parameters for the provider, such as ``origin`` (the map it is cloned from) and
    ``reuse_data`` ("True": the volume exists already and keeps its content).
    """

    name: str
    uuid: str
    size_mib: int
    mode: str = "rw"
    provider: str | None = None
    params: dict[str, str] = field(factory=dict)

    @property
    def origin(self) -> str | None:
        """The read-only map that the disk starts as a clone of."""
        return self.params.get("origin")

    @property
    def reuses_data(self) -> bool:
        """The volume was made by somebody else; only attach it."""
        return self.params.get("reuse_data", "False") == "True"


@frozen
class Nic:
    """A network interface of an instance; `network` is a network's name."""

    name: str
    uuid: str
    mac: str
    ip: str | None = None
    network: str | None = None
    mode: str = "bridged"
    link: str = ""


@frozen
class Instance:
    """
    An instance as configured.

    hvparams, beparams: what was set for it; defaults are filled in by `cluster.defaults`.
    config_drive: an ISO with what cloud-init asks for belongs to it.
    """

    name: str
    uuid: str
    os_type: str
    hypervisor: str
    disk_template: str
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    beparams: dict[str, Any]
    hvparams: dict[str, Any]
    osparams: dict[str, str]
    admin_state: str
    ctime: float
    mtime: float
    admin_state_source: str = SOURCE_ADMIN
    serial_no: int = 1
    tags: tuple[str, ...] = ()
    config_drive: bool = False


@frozen
class Connection:
    """A network's place in a node group: which link carries it there."""

    group: str
    mode: str
    link: str
    vlan: str = ""


@frozen
class Network:
    """A network; `subnet` is a CIDR, `reserved` holds addresses kept from NICs by the operator."""

    name: str
    uuid: str
    subnet: str
    ctime: float
    mtime: float
    gateway: str | None = None
    network6: str | None = None
    gateway6: str | None = None
    mac_prefix: str | None = None
    reserved: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    connections: tuple[Connection, ...] = ()
    serial_no: int = 1


@frozen
class ClusterFacts:
    """What was decided once, when the state directory was first used."""

    uuid: str
    node_uuid: str
    group_uuid: str
    ctime: float
    tags: tuple[str, ...] = ()
    boot_id: str = ""


@frozen
class Debris:
    """Something of a job that failed, still to be removed: a volume whose store was away."""

    template: str
    provider: str | None
    instance: str
    disk: str


@frozen
class PutInstance:
    """Change: the instance is now so."""

    instance: Instance


@frozen
class DropInstance:
    """Change: no instance of this name."""

    name: str


@frozen
class PutNetwork:
    """Change: the network is now so."""

    network: Network


@frozen
class DropNetwork:
    """Change: no network of this name."""

    name: str


@frozen
class PutFacts:
    """Change: the cluster's own facts (tags, boot id)."""

    facts: ClusterFacts


@frozen
class AddDebris:
    """Change: this is still to be removed."""

    debris: Debris


@frozen
class DropDebris:
    """Change: this was removed."""

    debris: Debris


Change = PutInstance | DropInstance | PutNetwork | DropNetwork | PutFacts | AddDebris | DropDebris
