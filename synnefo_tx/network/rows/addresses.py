"""
Giving addresses to ports, and taking them back.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, delete, insert, literal, select, union_all
from sqlalchemy.exc import IntegrityError

from synnefo_tx.network import port_errors
from synnefo_tx.network.rows.networks import subnets_of
from synnefo_tx.network.rows.tables import port_addresses, subnets
from synnefo_tx.network.rules.addresses import (
    block_of,
    eui64,
    is_automatic,
    may_have,
    offset_in,
    offsets_of,
)

AnyRow = Row[Any]
TRIES = 16
LARGE = 4096  # addresses of a pool


@frozen
class AddressWish:
    """
    An address in a subnet, or any of it; without a subnet, in the one that has the address.
    """

    subnet_id: str | None = None
    ip_address: str | None = None


@frozen
class Given:
    """
    One address of a port.
    """

    subnet: AnyRow
    ip_address: str


def give(
    connection: Connection,
    port: Any,
    wishes: Sequence[AddressWish] | None,
    kept: Sequence[str] = (),
) -> list[Given]:
    """
    The addresses that the port (`id`, `network_id`, `mac_address`) has now: as wished, or one of
    each version when nothing is said (None), and those that its guest makes itself.  kept: ones
    that it has already.  Raises NoMoreAddresses, AddressInUse, InvalidAddress, InvalidSubnet.

    Two requests may choose one address on PostgreSQL; the later one chooses again.
    """
    candidates = subnets_of(connection, [port.network_id])
    for _ in range(TRIES):
        chosen = _chosen(connection, port, candidates, wishes, kept)
        new = [one for one in chosen if one.ip_address not in kept]
        try:
            with connection.begin_nested():
                _write(connection, port.id, new, len(kept))
        except IntegrityError:
            continue
        return chosen
    raise port_errors.NoMoreAddresses(port.network_id)


def take(connection: Connection, port_ids: Sequence[str], addresses: Sequence[str] = ()) -> None:
    """
    The ports lose these addresses; all when none is named.
    """
    statement = delete(port_addresses).where(port_addresses.c.port_id.in_(port_ids))
    if addresses:
        statement = statement.where(port_addresses.c.ip_address.in_(addresses))
    connection.execute(statement)


def of_ports(connection: Connection, port_ids: Iterable[str]) -> dict[str, list[AnyRow]]:
    """
    Each port's addresses in their order, with their subnet's `ip_version`, `cidr` and so on.
    """
    found: dict[str, list[AnyRow]] = {}
    for row in connection.execute(
        select(port_addresses, subnets.c.ip_version, subnets.c.cidr, subnets.c.gateway_ip)
        .join(subnets, subnets.c.id == port_addresses.c.subnet_id)
        .where(port_addresses.c.port_id.in_(list(port_ids)))
        .order_by(port_addresses.c.port_id, port_addresses.c.position)
    ):
        found.setdefault(row.port_id, []).append(row)
    return found


def lowest_free(connection: Connection, subnet_id: str, first: int, last: int) -> int | None:
    """
    The lowest free offset within first..last, or None.  One statement, which walks the unique
    index up to the first gap.
    """
    taken = port_addresses.alias("taken")
    following = port_addresses.alias("following")

    def is_taken(offset: Any) -> Any:
        return (
            select(taken.c.port_id)
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


def _write(connection: Connection, port_id: str, new: Sequence[Given], after: int) -> None:
    for position, one in enumerate(new, after):
        address = ipaddress.ip_address(one.ip_address)
        connection.execute(
            insert(port_addresses).values(
                subnet_id=one.subnet.id,
                ip_address=one.ip_address,
                port_id=port_id,
                position=position,
                ip_offset=offset_in(block_of(one.subnet), address),
            )
        )


def _chosen(
    connection: Connection,
    port: Any,
    candidates: Sequence[AnyRow],
    wishes: Sequence[AddressWish] | None,
    kept: Sequence[str],
) -> list[Given]:
    by_id = {subnet.id: subnet for subnet in candidates}
    if wishes is None:
        chosen = _one_of_each(connection, port, candidates)
    else:
        chosen = []
        for wish in wishes:
            taken = [one.ip_address for one in chosen]
            chosen.append(_wished(connection, port, by_id, wish, (*kept, *taken)))
    has = {one.subnet.id for one in chosen}
    return chosen + [
        Given(subnet, eui64(block_of(subnet), port.mac_address))
        for subnet in candidates
        if is_automatic(subnet)
        and subnet.id not in has
        and not port.device_owner.startswith("network:router")
    ]


def _one_of_each(connection: Connection, port: Any, candidates: Sequence[AnyRow]) -> list[Given]:
    chosen = []
    for version in (4, 6):
        some = [one for one in candidates if one.ip_version == version and not is_automatic(one)]
        found = next(filter(None, (_any_of(connection, subnet) for subnet in some)), None)
        if some and found is None:
            raise port_errors.NoMoreAddresses(port.network_id)
        if found is not None:
            chosen.append(found)
    return chosen


def _parts(pools: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """
    The pools in the order in which they are looked through.  A large one is begun anywhere: who
    looks for its lowest free address walks over all that are taken, and meets everybody else there.
    """
    for first, last in pools:
        if last - first < LARGE:
            yield first, last
        else:
            middle = random.randint(first, last)
            yield middle, last
            yield first, middle - 1


def _any_of(connection: Connection, subnet: AnyRow, without: Sequence[str] = ()) -> Given | None:
    block = block_of(subnet)
    for first, last in _parts(offsets_of(block, subnet.allocation_pools)):
        start: int | None = first
        while start is not None and start <= last:
            offset = lowest_free(connection, subnet.id, start, last)
            if offset is None:
                break
            address = str(block.network_address + offset)
            if address not in without:
                return Given(subnet, address)
            start = offset + 1
    return None


def _wished(
    connection: Connection,
    port: Any,
    candidates: Mapping[str, AnyRow],
    wish: AddressWish,
    without: Sequence[str],
) -> Given:
    if wish.ip_address is None:
        subnet = _subnet(port, candidates, wish)
        if is_automatic(subnet):
            return Given(subnet, eui64(block_of(subnet), port.mac_address))
        found = _any_of(connection, subnet, without)
        if found is None:
            raise port_errors.NoMoreAddresses(port.network_id)
        return found
    if wish.ip_address in without:
        return Given(_holder_of(port, candidates, wish), wish.ip_address)
    subnet = _holder_of(port, candidates, wish)
    _check_free(connection, port, subnet, wish.ip_address)
    return Given(subnet, wish.ip_address)


def _subnet(port: Any, candidates: Mapping[str, AnyRow], wish: AddressWish) -> AnyRow:
    subnet = candidates.get(wish.subnet_id or "")
    if subnet is None:
        raise port_errors.InvalidSubnet(port.network_id, wish.subnet_id or "")
    return subnet


def _holder_of(port: Any, candidates: Mapping[str, AnyRow], wish: AddressWish) -> AnyRow:
    assert wish.ip_address is not None
    address = ipaddress.ip_address(wish.ip_address)
    if wish.subnet_id is not None:
        subnet = _subnet(port, candidates, wish)
        if not may_have(block_of(subnet), address):
            raise port_errors.InvalidAddressForSubnet(wish.ip_address)
        return subnet
    for subnet in candidates.values():
        if may_have(block_of(subnet), address):
            return subnet
    raise port_errors.InvalidAddress(wish.ip_address)


def _check_free(connection: Connection, port: Any, subnet: AnyRow, ip_address: str) -> None:
    block = block_of(subnet)
    if is_automatic(subnet):
        if ip_address != eui64(block, port.mac_address):
            raise port_errors.AutomaticSubnet(ip_address, subnet.id)
        return
    is_gateway = ip_address == subnet.gateway_ip
    if is_gateway and not port.device_owner.startswith("network:router"):
        raise port_errors.AddressInUse(ip_address, port.network_id)
    taken = select(port_addresses.c.port_id).where(
        port_addresses.c.subnet_id == subnet.id, port_addresses.c.ip_address == ip_address
    )
    if connection.execute(taken).first() is not None:
        raise port_errors.AddressInUse(ip_address, port.network_id)
