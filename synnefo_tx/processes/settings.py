"""
Settings of the cloud's processes, as they stand in etc/synnefo/*.toml.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Literal

import msgspec

from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.people.external.settings import LogIn
from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.settings import SignUp

MOST_WORKERS = 64


class FirstCluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The Ganeti cluster that a new cloud starts with.  The password is the file's first line.
    console_url: where users' browsers reach its console proxy, such as http://host:6080.
    """

    name: str = "cluster"
    rapi_url: str
    rapi_user: str = "synnefo"
    rapi_password_file: str
    ca_file: str | None = None
    console_url: str | None = None


class FirstImage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An image that a new cloud has.  id: None is one of its own.
    """

    name: str = "synnefo-guest"
    id: str | None = None


class FirstExternal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    The network to which routers of a new cloud may lead, and that floating IPs come from.

    id: None is one of its own.  cidr: "auto": a range that this machine does not use.  link: its
    bridge on the nodes.
    """

    name: str = "public"
    id: str | None = None
    cidr: str = "auto"
    link: str = "snfbr1"


class FirstStart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What an empty database is filled with.  Left out: an empty database is an error.

    files: directory that gets the admin's password, clouds.yaml and openrc.
    network_cidr: range of the first network; "auto": one that this machine does not use.
    network_link: the network's bridge on the nodes.  external: None: no such network.
    image: path of a raw disk image that everybody may boot, or None.
    images: what it is called; with several names it is there as several images.
    """

    files: str
    cluster: FirstCluster
    image: str | None = None
    images: tuple[FirstImage, ...] = (FirstImage(),)
    network_cidr: str = "auto"
    network_link: str = "snfbr0"
    dns: tuple[str, ...] = ()
    external: FirstExternal | None = None


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    `synnefo-api`.  public_url: how clients reach us, when not by the address we listen on.
    trusted_proxies: addresses and networks of proxies whose X-Forwarded-For is believed.
    credential_keys: directory of the keys that seal secrets; None: "credential-keys" beside that of
    the token keys.  personal_projects: every user has one.  workers: processes that serve.
    metrics_port: where Prometheus asks, on metrics_host; each worker has one, from this upwards;
    None: nowhere.  over_quota_program: run when somebody comes to use more than a limit allows, or
    no longer does, see docs/quotas.md.  webhook_networks: networks that events may be posted to
    besides the public internet.
    """

    database_url: str
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    token_keys: str
    credential_keys: str | None = None
    token_lifetime_s: int = 4 * 3600
    block_endpoint: str
    block_secret_file: str
    nbd_socket: str
    workers: int = 1
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    first_start: FirstStart | None = None
    personal_projects: bool = True
    over_quota_program: str | None = None
    webhook_networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for network in self.webhook_networks:
            ip_network(network)

    @property
    def base_url(self) -> str:
        """
        The cloud's root as this machine reaches it, without a trailing slash.
        """
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.host in ("", "0.0.0.0") else self.host
        return f"http://{host}:{self.port}"

    @property
    def secret_keys_directory(self) -> Path:
        """
        Where the keys that seal secrets are.
        """
        return Path(self.credential_keys or Path(self.token_keys).parent / "credential-keys")

    security_compliance: SecurityCompliance = SecurityCompliance()
    log_in: LogIn = LogIn()
    sign_up: SignUp = SignUp()
    mail: Mail = Mail()


class DispatcherSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    `synnefo-dispatcher`.
    """

    database_url: str
    amqp_url: str


class AllInOneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    `synnefo`: the whole cloud on one machine.

    network_link: the first network's bridge; None: one with a name of this cloud's own.
    hypervisor: "fake" runs no guests, to look at all else.  console_port: of guests' screens and
    serial ports.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    rapi_port: int = 5080
    console_port: int = 6080
    image: str | None = None
    network_cidr: str = "auto"
    network_link: str | None = None
    network_mode: Literal["auto", "tap", "user"] = "auto"
    network_namespace: str | None = None
    dns: tuple[str, ...] = ()
    hypervisor: Literal["kvm", "fake"] = "kvm"
    accel: Literal["auto", "kvm", "tcg"] = "auto"
    personal_projects: bool = True
    security_compliance: SecurityCompliance = SecurityCompliance()
    log_in: LogIn = LogIn()
    sign_up: SignUp = SignUp()
    mail: Mail = Mail()
