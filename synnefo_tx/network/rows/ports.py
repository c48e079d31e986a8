"""
Ports: plugging servers into networks, and giving addresses.
"""

from __future__ import annotations

import ipaddress
import random
import uuid
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, delete, insert, literal, select, union_all, update
from sqlalchemy.exc import IntegrityError

from synnefo_tx.network import errors
from synnefo_tx.network.rows.networks import subnets_of
from synnefo_tx.network.rows.tables import networks, ports, subnets

AnyRow = Row[Any]

MAC_PREFIX = "fa:16:3e"  # as Neutron's
TRIES = 16
MAX_OFFSET = 2**63 - 1  # what a column holds; only IPv6 has more


@frozen(kw_only=True)
class NewPort:
    """
    A port to make for `device_id`; `ip_address` is the one wanted, or None for any.
    """

    network_id: str
    project_id: str
    device_id: str
    device_owner: str = "compute:nova"
    name: str = ""
    ip_address: str | None = None
    tag: str | None = None


def create_port(connection: Connection, wanted: NewPort, now_us: int) -> AnyRow:
    """
    The new port's row.  Raises NoMoreAddresses, AddressInUse or InvalidAddress.

    Two requests may choose one address on PostgreSQL; the later one chooses again.
    """
    for _ in range(TRIES):
        subnet, offset = _choose_address(connection, wanted)
        port_id = str(uuid.uuid4())
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(ports).values(
                        id=port_id,
                        network_id=wanted.network_id,
                        subnet_id=subnet.id,
                        project_id=wanted.project_id,
                        name=wanted.name,
                        mac_address=random_mac(),
                        ip_address=str(_block(subnet).network_address + offset),
                        ip_offset=offset,
                        device_id=wanted.device_id,
                        device_owner=wanted.device_owner,
                        tag=wanted.tag,
                        status="DOWN",
                        created_at=now_us,
                        updated_at=now_us,
                    )
                )
        except IntegrityError:
            continue
        return connection.execute(select(ports).where(ports.c.id == port_id)).one()
    raise errors.NoMoreAddresses(wanted.network_id)


def random_mac() -> str:
    """
    A hardware address of Neutron's range; uniqueness is the table's business.
    """
    tail = random.SystemRandom().getrandbits(24)
    return f"{MAC_PREFIX}:{tail >> 16:02x}:{tail >> 8 & 255:02x}:{tail & 255:02x}"


def lowest_free(connection: Connection, subnet_id: str, first: int, last: int) -> int | None:
    """
    The lowest free offset within first..last, or None.  One statement, which walks the unique
    index up to the first gap.
    """
    taken = ports.alias("taken")
    following = ports.alias("following")

    def is_taken(offset: Any) -> Any:
        return (
            select(taken.c.id)
            .where(taken.c.subnet_id == subnet_id, taken.c.ip_offset == offset)
            .exists()
        )

    start = select(literal(first).label("offset")).where(~is_taken(first))
    gap = (
        select((following.c.ip_offset + 1).label("offset"))
        .where(
            following.c.subnet_id == subnet_id,
            following.c.ip_offset >= first,
            following.c.ip_offset < last,
            ~is_taken(following.c.ip_offset + 1),
        )
        .order_by(following.c.ip_offset)
        .limit(1)
        .subquery()
    )
    either = union_all(start, select(gap.c.offset)).subquery()
    found: int | None = connection.execute(
        select(either.c.offset).order_by(either.c.offset).limit(1)
    ).scalar()
    return found


def delete_ports_of(connection: Connection, device_ids: Sequence[str]) -> None:
    """
    Unplug these devices for good.
    """
    connection.execute(delete(ports).where(ports.c.device_id.in_(device_ids)))


def set_status(connection: Connection, device_id: str, status: str, now_us: int) -> None:
    """
    Neutron's state of all ports of a device: ACTIVE, DOWN, BUILD or ERROR.
    """
    connection.execute(
        update(ports)
        .where(ports.c.device_id == device_id, ports.c.status != status)
        .values(status=status, updated_at=now_us)
    )


def of_devices(connection: Connection, device_ids: Sequence[str]) -> list[AnyRow]:
    """
    Ports with the names of their networks (`network_name`) and their subnets' `ip_version`,
    oldest first.
    """
    return list(
        connection.execute(
            select(ports, networks.c.name.label("network_name"), subnets.c.ip_version)
            .join(networks, networks.c.id == ports.c.network_id)
            .join(subnets, subnets.c.id == ports.c.subnet_id)
            .where(ports.c.device_id.in_(device_ids))
            .order_by(ports.c.created_at, ports.c.id)
        )
    )


def _choose_address(connection: Connection, wanted: NewPort) -> tuple[AnyRow, int]:
    candidates = subnets_of(connection, [wanted.network_id])
    if wanted.ip_address is not None:
        return _wanted_address(connection, wanted, candidates)
    for subnet in candidates:
        base = int(_block(subnet).network_address)
        first = int(ipaddress.ip_address(subnet.pool_start)) - base
        last = int(ipaddress.ip_address(subnet.pool_end)) - base
        offset = lowest_free(connection, subnet.id, first, last)
        if offset is not None:
            return subnet, offset
    raise errors.NoMoreAddresses(wanted.network_id)


def _wanted_address(
    connection: Connection, wanted: NewPort, candidates: Sequence[AnyRow]
) -> tuple[AnyRow, int]:
    assert wanted.ip_address is not None
    address = ipaddress.ip_address(wanted.ip_address)
    for subnet in candidates:
        block = _block(subnet)
        if address.version != block.version or address not in block:
            continue
        offset = int(address) - int(block.network_address)
        reserved = (0, int(block.broadcast_address) - int(block.network_address))
        if offset in reserved or offset > MAX_OFFSET:
            raise errors.InvalidAddress(wanted.ip_address)
        if str(address) == subnet.gateway_ip:
            raise errors.AddressInUse(wanted.ip_address, wanted.network_id)
        taken = select(ports.c.id).where(
            ports.c.subnet_id == subnet.id, ports.c.ip_offset == offset
        )
        if connection.execute(taken).first() is not None:
            raise errors.AddressInUse(wanted.ip_address, wanted.network_id)
        return subnet, offset
    raise errors.InvalidAddress(wanted.ip_address)


def _block(subnet: AnyRow) -> Any:
    return ipaddress.ip_network(subnet.cidr)
