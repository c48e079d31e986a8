"""
What an empty cloud is given: an administrator, a project, flavors, a network, a cluster, an image.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from synnefo_tx.compute.rows.flavors import create_flavor
from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.daemon.private_files import write_private
from synnefo_tx.effect import forms
from synnefo_tx.effect.rows import things
from synnefo_tx.identity.rows import accounts
from synnefo_tx.identity.rows.effective import SYSTEM
from synnefo_tx.identity.rows.grants import Grant, grant
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.image.imports import import_file
from synnefo_tx.network.rows.networks import create_network, create_subnet
from synnefo_tx.processes.local_networks import chosen_network
from synnefo_tx.processes.settings import FirstCluster, FirstExternal, FirstStart
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import NETWORK, SUBNET
from synnefo_tx.quota.rows import holdings
from synnefo_tx.store.database import Database

_log = Logger()

FLAVORS = (  # id, name, vcpus, MiB, GiB
    ("1", "tiny", 1, 128, 1),
    ("2", "small", 1, 512, 2),
    ("3", "medium", 2, 2048, 10),
    ("4", "large", 4, 4096, 20),
    ("42", "nano", 1, 96, 1),  # by DevStack's ids, which clients' tests are told
    ("84", "micro", 1, 128, 2),
)
ROLES = ("admin", "manager", "member", "reader", "service")  # as Keystone's own bootstrap makes
IMPLIED = (("admin", "manager"), ("manager", "member"), ("member", "reader"))


async def fill(
    database: Database,
    first: FirstStart,
    auth_url: str,
    hash_password: Callable[[str], str],
    now_us: int,
    tell: Callable[[str], object],
) -> None:
    """
    Give an empty database its first content, and the operator the files to log in with; `tell`
    shows the password, this once.

    Done in one transaction after the files are written: killed in between, the next start begins
    anew, with the same password file.
    """
    if await database.read(_is_filled):
        return
    directory = Path(first.files)
    password, is_new = await deferToThread(_admin_password, directory)
    password_hash = await deferToThread(hash_password, password)
    rapi_password = await deferToThread(_first_line, first.cluster.rapi_password_file)
    await deferToThread(_write_client_files, directory, auth_url, password)
    ranges = await deferToThread(_ranges, first)
    await database.write(_fill, first, ranges, password_hash, rapi_password, now_us)
    if is_new:
        tell(
            f"\nsynnefo: first start. User admin, password {password}\n"
            f"synnefo: kept in {directory / 'admin-password'}; try\n"
            f"  OS_CLIENT_CONFIG_FILE={directory / 'clouds.yaml'}"
            " openstack --os-cloud synnefo server list\n\n"
        )


async def give_image(
    database: Database, blocks: Any, first: FirstStart, clock: Callable[[], float]
) -> None:
    """
    Register the first image under its names, once: none comes back when somebody deletes it.
    Raises StorageError and OSError; call again then.
    """
    given = Path(first.files) / "image-given"
    if first.image is None or given.exists():
        return
    owner = await database.read(_admin_project)
    ids = []
    for image in first.images:
        image_id = await import_file(
            database,
            blocks,
            Path(first.image),
            name=image.name,
            owner=owner,
            visibility="public",
            disk_format="raw",
            now=clock(),
            image_id=image.id,
        )
        _log.info("image {name} is {image_id}", name=image.name, image_id=image_id)
        ids.append(image_id)
    write_private(given, "".join(f"{image_id}\n" for image_id in ids))


def _ranges(first: FirstStart) -> list[IPv4Network]:
    """Of the first network, then of the external one."""
    ranges = [chosen_network(first.network_cidr)]
    if first.external is not None:
        ranges.append(chosen_network(first.external.cidr, besides=ranges))
    return ranges


def _is_filled(connection: Connection) -> bool:
    return connection.execute(select(users.c.id).limit(1)).first() is not None


def _admin_project(connection: Connection) -> str:
    row = connection.execute(
        select(users.c.default_project_id).where(users.c.name == "admin")
    ).one()
    return str(row.default_project_id)


def _admin_password(directory: Path) -> tuple[str, bool]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / "admin-password"
    if path.exists():
        return _first_line(str(path)), False
    password = secrets.token_urlsafe(18)
    write_private(path, password + "\n")
    return password, True


def _first_line(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").splitlines()[0].strip()


def _write_client_files(directory: Path, auth_url: str, password: str) -> None:
    write_private(
        directory / "clouds.yaml",
        "clouds:\n"
        "  synnefo:\n"
        "    auth:\n"
        f"      auth_url: {auth_url}\n"
        "      username: admin\n"
        f"      password: {password}\n"
        "      project_name: admin\n"
        "      user_domain_name: Default\n"
        "      project_domain_name: Default\n"
        "    region_name: RegionOne\n"
        "    identity_api_version: 3\n",
    )
    write_private(
        directory / "openrc",
        f"export OS_AUTH_URL={auth_url}\n"
        "export OS_USERNAME=admin\n"
        f"export OS_PASSWORD={password}\n"
        "export OS_PROJECT_NAME=admin\n"
        "export OS_USER_DOMAIN_NAME=Default\n"
        "export OS_PROJECT_DOMAIN_NAME=Default\n"
        "export OS_REGION_NAME=RegionOne\n"
        "export OS_IDENTITY_API_VERSION=3\n",
    )


def _fill(
    connection: Connection,
    first: FirstStart,
    ranges: Sequence[IPv4Network],
    password_hash: str,
    rapi_password: str,
    now_us: int,
) -> None:
    project_id = _accounts(connection, password_hash)
    for flavor in FLAVORS:
        create_flavor(connection, *flavor)
    cluster_id = _cluster(connection, first.cluster, rapi_password)
    network_id = _network(connection, first, ranges[0], project_id, now_us)
    if first.external is not None:
        _external(connection, first.external, ranges[1], project_id, now_us)
    things.ensure(connection, things.Thing(forms.NETWORK, network_id), cluster_id, now_us)


def _accounts(connection: Connection, password_hash: str) -> str:
    project_id, user_id = uuid.uuid4().hex, uuid.uuid4().hex
    accounts.create_domain(connection, "default", "Default")
    accounts.create_project(
        connection, project_id, "default", "admin", "First project of this cloud."
    )
    accounts.create_user(connection, user_id, "default", "admin", password_hash, project_id)
    role_ids = {name: uuid.uuid4().hex for name in ROLES}
    for name, role_id in role_ids.items():
        accounts.create_role(connection, role_id, name)
    for prior, implied in IMPLIED:
        accounts.imply(connection, role_ids[prior], role_ids[implied])
    accounts.assign(connection, user_id, project_id, role_ids["admin"])
    grant(connection, Grant("user", user_id, "system", SYSTEM, role_ids["admin"]))
    return project_id


def _cluster(connection: Connection, cluster: FirstCluster, rapi_password: str) -> str:
    cluster_id = str(uuid.uuid4())
    connection.execute(
        insert(clusters).values(
            id=cluster_id,
            name=cluster.name,
            rapi_url=cluster.rapi_url,
            rapi_user=cluster.rapi_user,
            rapi_password=rapi_password,
            ca_file=cluster.ca_file,
            console_url=cluster.console_url,
            drained=False,
        )
    )
    return cluster_id


def _network(
    connection: Connection, first: FirstStart, cidr: IPv4Network, project_id: str, now_us: int
) -> str:
    network_id = str(uuid.uuid4())
    create_network(
        connection, network_id, project_id, "default", True, 1500, first.network_link, now_us
    )
    _subnet(connection, network_id, "default", cidr, project_id, first.dns, now_us)
    return network_id


def _external(
    connection: Connection,
    external: FirstExternal,
    cidr: IPv4Network,
    project_id: str,
    now_us: int,
) -> None:
    network_id = external.id or str(uuid.uuid4())
    create_network(
        *(connection, network_id, project_id, external.name, False, 1500, external.link, now_us),
        external=True,
    )
    _subnet(connection, network_id, external.name, cidr, project_id, (), now_us)


def _subnet(
    connection: Connection,
    network_id: str,
    name: str,
    cidr: IPv4Network,
    project_id: str,
    dns: Sequence[str],
    now_us: int,
) -> None:
    """The nodes are its gateway; what it and its network count is charged."""
    create_subnet(
        connection,
        id=str(uuid.uuid4()),
        network_id=network_id,
        project_id=project_id,
        name=name,
        cidr=str(cidr),
        gateway_ip=str(cidr[1]),
        dns_nameservers=list(dns),
        pool_start=str(cidr[2]),
        pool_end=str(cidr[-2]),
        now_us=now_us,
    )
    holdings.take(connection, Payer("", project_id), {NETWORK: 1, SUBNET: 1}, force=True)
