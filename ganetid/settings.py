"""
Settings of ganetid, as they stand in its TOML file.
"""

from __future__ import annotations

import re
import socket
from typing import Literal

import msgspec

from synnefo_tx.daemon.settings import SettingsError

SOCKET_PATH_MAX = 107
LONGEST_RUN_FILE = len("/run/") + 44 + len("/serial.sock")  # instance names here have 40 characters
NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class GanetiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    state_dir: everything durable; made with mode 0700.
    users_file: who may use the remote API, in Ganeti's format.
    nbd_socket, block_endpoint, block_secret_file: archipelagod's; without them there is no
    template ext.
    shared_file_dir: for disks of template sharedfile, where every node sees the same files; without
    it there is no such template.
    file_storage_paths: a file like Ganeti's, which lists where files of disks may be; without it
    they may be in state_dir and shared_file_dir.
    hypervisor: "fake" runs nothing, for load tests.
    qemu_user: whom guests run as if ganetid is root: "auto" (each a user of its own from 58000 on,
    if it can reach its files), numbers such as "58000-58999", a user's name, or "none" (root).
    role: "node" never begins as a master; "auto" is what the cluster last said, a master at first.
    node_port: of node RPC, 0 for any free one; without it the cluster has one node.
    node_host: where node RPC listens.  node_address: where others reach that, if it differs.
    watcher_interval_s: how often the master looks for guests that should run; 0: never.
    fence_program: cuts the power of a node, whose name it gets, or isolates it.  When it ends with
    status 0, a node that was away for fence_after_s counts as dead: its guests start elsewhere.
    dns: name servers that DHCP tells; by default this machine's own.
    network_outside: a /30 for a cable out of network_namespace, by which guests reach the outside.
    nic_scripts_dir: programs that run when a guest's NIC comes or goes are below it.
    domain_secret_file: a secret that clusters share between which instances may be sent; by default
    cluster-domain-secret in state_dir, made when it is first needed.
    hooks_dir: programs that run before and after opcodes on this node are below it.
    os_search_path, extstorage_search_path: directories of operating systems and of providers of
    external storage; by default Ganeti's.
    rapi_tls: false has the remote API speak plain HTTP, for a proxy on this machine.
    job_files_dir: jobs are written there as Ganeti's files, too, for programs that watch them.
    rapi_needs_user: the remote API's reads too need credentials.
    strict_compat: the remote API answers as Ganeti 3.0.2 also where that is plainly wrong, and news
    have no more than Synnefo's eventd gives them.
    """

    state_dir: str
    users_file: str
    cluster_name: str = "cluster"
    node_name: str = ""
    role: Literal["auto", "node"] = "auto"
    watcher_interval_s: float = 60.0
    fence_program: str | None = None
    fence_after_s: float = 30.0
    node_host: str = "127.0.0.1"
    node_port: int | None = None
    node_address: str | None = None
    rapi_host: str = "127.0.0.1"
    rapi_port: int = 5080
    rapi_certificate: str | None = None
    nbd_socket: str | None = None
    block_endpoint: str | None = None
    block_secret_file: str | None = None
    shared_file_dir: str | None = None
    file_storage_paths: str | None = None
    hypervisor: Literal["kvm", "fake"] = "kvm"
    qemu: str = "qemu-system-x86_64"
    qemu_user: str = "auto"
    accel: Literal["auto", "kvm", "tcg"] = "auto"
    network_mode: Literal["auto", "tap", "user"] = "auto"
    network_namespace: str | None = None
    network_outside: str | None = None
    nic_scripts_dir: str = "/etc/ganeti/network"
    dns: tuple[str, ...] | None = None
    dhcp_lease_s: int = 3600
    mtu: int | None = None
    queue_prefix: str = "snf"
    amqp_url: str | None = None
    strict_compat: bool = False
    os_search_path: tuple[str, ...] | None = None
    extstorage_search_path: tuple[str, ...] | None = None
    domain_secret_file: str | None = None
    hooks_dir: str = "/etc/ganeti/hooks"
    rapi_tls: bool = True
    rapi_needs_user: bool = False
    job_files_dir: str | None = None

    def name_of_node(self) -> str:
        """The node's name; this machine's host name when none is set."""
        return self.node_name or socket.gethostname()


def check(settings: GanetiSettings) -> None:
    """Raise SettingsError, one line, for values that can't work together."""
    longest = len(settings.state_dir.rstrip("/")) + LONGEST_RUN_FILE
    if longest > SOCKET_PATH_MAX:
        raise SettingsError(
            f"state_dir: {settings.state_dir} is too long for the unix sockets in it,"
            f" by {longest - SOCKET_PATH_MAX} characters"
        )
    storage = (settings.nbd_socket, settings.block_endpoint, settings.block_secret_file)
    if any(storage) and not all(storage):
        raise SettingsError("nbd_socket, block_endpoint, block_secret_file: set all or none")
    if settings.network_namespace and not NAMESPACE.fullmatch(settings.network_namespace):
        raise SettingsError("network_namespace: not a name of a network namespace")
    if not 0 <= settings.rapi_port <= 65535:
        raise SettingsError("rapi_port: must be 0 (any free one) to 65535")
    if settings.node_port is not None and not 0 <= settings.node_port <= 65535:
        raise SettingsError("node_port: must be 0 (any free one) to 65535")
    if settings.role == "node" and settings.node_port is None:
        raise SettingsError("node_port: a node needs it, for its master reaches it there")
    if settings.dhcp_lease_s < 60:
        raise SettingsError("dhcp_lease_s: must be at least 60 seconds")
