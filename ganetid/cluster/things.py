"""
What the cluster knows: frozen values, made durable as JSON documents.

Sizes are MiB as in Ganeti; times are seconds since the epoch.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ganetid.cluster.wiring import NetworkOptions, NicPort

ADMIN_UP = "up"
ADMIN_DOWN = "down"
ADMIN_OFFLINE = "offline"

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
    """
    A network interface of an instance; `network` is a network's name.

    vlan: in Ganeti's notation, as in `network.vlans`.
    """

    name: str
    uuid: str
    mac: str
    ip: str | None = None
    network: str | None = None
    mode: str = "bridged"
    link: str = ""
    vlan: str = ""
    port: NicPort = field(factory=NicPort)

    @property
    def ips(self) -> tuple[str, ...]:
        """All its addresses."""
        return (*(() if self.ip is None else (self.ip,)), *self.port.ips)


@frozen
class Instance:
    """
    An instance as configured.

    hvparams, beparams: what was set for it; defaults are filled in by `cluster.defaults`.
    config_drive: an ISO with what cloud-init asks for belongs to it.
    primary_node: name of the node that runs it.
    network_port: of the cluster's pool, for a VNC server on TCP.
    osparams_private: parameters of its operating system that nobody is ever shown.
    forthcoming: its place and addresses are reserved; nothing of it was made.
    memory_on: name of the node that has the memory of its guest, which sleeps.
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
    primary_node: str = ""
    network_port: int | None = None
    osparams_private: dict[str, Any] = field(factory=dict, repr=False)
    forthcoming: bool = False
    memory_on: str = ""


@frozen
class Connection:
    """A network's place in a node group: which link carries it there."""

    group: str
    mode: str
    link: str
    vlan: str = ""


@frozen
class Network:
    """
    A network; `subnet` is a CIDR, `reserved` holds addresses kept from NICs by the operator.

    subnet: None of a network that has IPv6 alone.
    """

    name: str
    uuid: str
    subnet: str | None
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
    options: NetworkOptions = field(factory=NetworkOptions)


@frozen
class Member:
    """
    A node of the cluster.

    group: its group's name.  address: host and port of its node RPC; None: this daemon itself.
    fingerprint: SHA-256 of its certificate, hex.
    powered: as last switched by its oob_program.
    """

    name: str
    uuid: str
    group: str
    ctime: float
    mtime: float
    primary_ip: str = "127.0.0.1"
    secondary_ip: str = "127.0.0.1"
    address: tuple[str, int] | None = None
    fingerprint: str | None = None
    master_candidate: bool = True
    offline: bool = False
    drained: bool = False
    master_capable: bool = True
    vm_capable: bool = True
    powered: bool = True
    ndparams: dict[str, Any] = field(factory=dict)
    tags: tuple[str, ...] = ()
    serial_no: int = 1

    @property
    def takes_instances(self) -> bool:
        """Whether new instances may be placed on it."""
        return self.vm_capable and not self.offline and not self.drained


@frozen
class Group:
    """A group of nodes.  ipolicy, ndparams, diskparams: what was set for it, over the cluster's."""

    name: str
    uuid: str
    ctime: float
    mtime: float
    alloc_policy: str = "preferred"
    ipolicy: dict[str, Any] = field(factory=dict)
    ndparams: dict[str, Any] = field(factory=dict)
    diskparams: dict[str, Any] = field(factory=dict)
    tags: tuple[str, ...] = ()
    serial_no: int = 1


@frozen
class ClusterFacts:
    """
    The cluster's own facts.  node_uuid, group_uuid: of the first node and its group.

    name: the cluster's, if it was renamed.  destroyed: nobody takes it up again.
    master: name of the master node.  epoch: grows with every change of the master.
    params: cluster parameters that were set, over the defaults; names of OP_CLUSTER_SET_PARAMS.
    """

    uuid: str
    node_uuid: str
    group_uuid: str
    ctime: float
    tags: tuple[str, ...] = ()
    boot_id: str = ""
    master: str = ""
    epoch: int = 1
    params: dict[str, Any] = field(factory=dict)
    mtime: float = 0.0
    serial_no: int = 1
    name: str = ""
    destroyed: bool = False


@frozen
class Debris:
    """
    Something of a job that failed, still to be removed: a volume whose store was away.

    node: which node can remove it; empty: the master.
    """

    template: str
    provider: str | None
    instance: str
    disk: str
    node: str = ""


@frozen
class FilterRule:
    """
    A rule of the job queue: what becomes of jobs that all its predicates match.

    priority: rules with lower ones are asked first, then those with lower watermarks.
    watermark: the newest job when the rule was made.
    predicates: ``[name, filter]`` of names jobid, opcode, reason.
    action: ACCEPT, PAUSE, REJECT, CONTINUE or ``["RATE_LIMIT", n]``.
    """

    uuid: str
    watermark: int
    priority: int = 0
    predicates: tuple[Any, ...] = ()
    action: Any = "CONTINUE"
    reason_trail: tuple[Any, ...] = ()
