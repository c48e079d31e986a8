"""
Ports: plugging servers into networks.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.network import port_errors
from synnefo_tx.network.rows import addresses
from synnefo_tx.network.rows.addresses import AddressWish, Given
from synnefo_tx.network.rows.tables import networks, port_addresses, ports, resource_tags, subnets

AnyRow = Row[Any]

MAC_PREFIX = "fa:16:3e"  # as Neutron's
TRIES = 16


@frozen(kw_only=True)
class NewPort:
    """
    A port to make for `device_id`.  wishes: the addresses wanted, None for any.  values: of further
    columns.
    """

    network_id: str
    project_id: str
    device_id: str
    device_owner: str = "compute:nova"
    name: str = ""
    wishes: tuple[AddressWish, ...] | None = None
    mac_address: str | None = None
    tag: str | None = None
    values: Mapping[str, Any] = field(factory=dict)


@frozen
class Plugged:
    """
    A port with its addresses.
    """

    id: str
    network_id: str
    mac_address: str
    addresses: tuple[Given, ...]


def create_port(connection: Connection, wanted: NewPort, now_us: int) -> Plugged:
    """
    The new port.  Raises NoMoreAddresses, AddressInUse, InvalidAddress, InvalidSubnet or MacInUse.
    """
    row = _insert(connection, wanted, now_us)
    given = addresses.give(connection, row, wanted.wishes)
    return Plugged(row.id, row.network_id, row.mac_address, tuple(given))


def random_mac() -> str:
    """
    A hardware address of Neutron's range; uniqueness is the table's business.
    """
    tail = random.SystemRandom().getrandbits(24)
    return f"{MAC_PREFIX}:{tail >> 16:02x}:{tail >> 8 & 255:02x}:{tail & 255:02x}"


def delete_ports(connection: Connection, port_ids: Sequence[str]) -> None:
    """
    They are gone, with their addresses.
    """
    addresses.take(connection, port_ids)
    connection.execute(
        delete(resource_tags).where(
            resource_tags.c.kind == "ports", resource_tags.c.thing_id.in_(port_ids)
        )
    )
    connection.execute(delete(ports).where(ports.c.id.in_(port_ids)))


def delete_ports_of(connection: Connection, device_ids: Sequence[str]) -> None:
    """
    Unplug these devices for good: ports that were made for them go, others stay unplugged.
    """
    of_them = ports.c.device_id.in_(device_ids)
    gone = connection.execute(select(ports.c.id).where(of_them, ~ports.c.is_own))
    delete_ports(connection, [row.id for row in gone])
    connection.execute(
        update(ports)
        .where(of_them)
        .values(
            device_id="",
            device_owner="",
            binding_host="",
            status="DOWN",
            revision=ports.c.revision + 1,
        )
    )


def set_status(connection: Connection, device_id: str, status: str, now_us: int) -> None:
    """
    Neutron's state of all ports of a device: ACTIVE, DOWN, BUILD or ERROR.
    """
    connection.execute(
        update(ports)
        .where(ports.c.device_id == device_id, ports.c.status != status)
        .values(status=status, revision=ports.c.revision + 1, updated_at=now_us)
    )


def of_devices(connection: Connection, device_ids: Sequence[str]) -> list[AnyRow]:
    """
    One row for each address of their ports, with the names of the networks (`network_name`) and
    the subnets' `ip_version`, oldest port first.
    """
    return list(
        connection.execute(
            select(
                ports,
                port_addresses.c.subnet_id,
                port_addresses.c.ip_address,
                networks.c.name.label("network_name"),
                subnets.c.ip_version,
            )
            .join(networks, networks.c.id == ports.c.network_id)
            .join(port_addresses, port_addresses.c.port_id == ports.c.id)
            .join(subnets, subnets.c.id == port_addresses.c.subnet_id)
            .where(ports.c.device_id.in_(device_ids))
            .order_by(ports.c.created_at, ports.c.id, port_addresses.c.position)
        )
    )


def _insert(connection: Connection, wanted: NewPort, now_us: int) -> AnyRow:
    port_id = str(uuid.uuid4())
    for _ in range(TRIES):
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(ports).values(
                        id=port_id,
                        network_id=wanted.network_id,
                        project_id=wanted.project_id,
                        name=wanted.name,
                        mac_address=wanted.mac_address or random_mac(),
                        device_id=wanted.device_id,
                        device_owner=wanted.device_owner,
                        tag=wanted.tag,
                        status="DOWN",
                        created_at=now_us,
                        updated_at=now_us,
                        **wanted.values,
                    )
                )
        except IntegrityError:
            if wanted.mac_address is not None:
                raise port_errors.MacInUse(wanted.network_id, wanted.mac_address) from None
            continue
        return connection.execute(select(ports).where(ports.c.id == port_id)).one()
    raise port_errors.NoMoreMacs(wanted.network_id)
