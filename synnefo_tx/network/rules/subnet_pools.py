"""
Pools that subnets are given blocks of.  Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synnefo_tx.network import pool_errors
from synnefo_tx.network.rules import values
from synnefo_tx.network.rules.addresses import Block
from synnefo_tx.network.rules.attributes import REQUIRED, USUAL, Attribute, Values, attribute

_SMALLEST = {4: 8, 6: 64}  # the shortest prefix that may be asked for, if nothing is said
_BITS = {4: 32, 6: 128}
_LENGTH = values.whole_number(0, 128)

SUBNET_POOL: tuple[Attribute, ...] = (
    *USUAL,
    attribute("prefixes", values.list_of(values.block), REQUIRED),
    attribute("default_prefixlen", _LENGTH),
    attribute("min_prefixlen", _LENGTH),
    attribute("max_prefixlen", _LENGTH),
    attribute("default_quota", values.or_none(values.whole_number())),
    attribute("address_scope_id", values.or_none(values.uuid)),
    attribute("is_default", values.boolean, False, guarded=True),
    attribute("shared", values.boolean, False, guarded=True, updated=False),
)


def planned(given: Values) -> Values:
    """
    `ip_version`, `prefixes` and the lengths of a pool.  Raises EmptyPrefixes, PrefixVersions or
    PrefixBounds.
    """
    blocks = merged(given["prefixes"])
    if not blocks:
        raise pool_errors.EmptyPrefixes
    version = blocks[0].version
    least: int = given.get("min_prefixlen", _SMALLEST[version])
    most: int = given.get("max_prefixlen", _BITS[version])
    usual: int = given.get("default_prefixlen", least)
    if most > _BITS[version]:
        raise pool_errors.PrefixBounds("max_prefixlen", most, "ip_version", version)
    if least > most:
        raise pool_errors.PrefixBounds("min_prefixlen", least, "max_prefixlen", most)
    if usual > most:
        raise pool_errors.PrefixBounds("default_prefixlen", usual, "max_prefixlen", most)
    if usual < least:
        raise pool_errors.PrefixBounds("default_prefixlen", usual, "min_prefixlen", least)
    lengths = {"min_prefixlen": least, "max_prefixlen": most, "default_prefixlen": usual}
    return {"ip_version": version, "prefixes": [str(block) for block in blocks], **lengths}


def merged(prefixes: Iterable[str]) -> list[Block]:
    """
    The blocks in order, those side by side as one.  Raises PrefixVersions.
    """
    blocks = [ipaddress.ip_network(prefix) for prefix in prefixes]
    if len({block.version for block in blocks}) > 1:
        raise pool_errors.PrefixVersions
    return list(ipaddress.collapse_addresses(blocks))  # type: ignore[type-var]  # one version


def check_grown(old: Sequence[str], new: Sequence[str]) -> None:
    """
    Raises PrefixUpdate when a block of before is no more.
    """
    kept = [ipaddress.ip_network(prefix) for prefix in new]
    for prefix in old:
        block: Any = ipaddress.ip_network(prefix)
        if not any(block.subnet_of(other) for other in kept):
            raise pool_errors.PrefixUpdate("Existing prefixes must be a subset of the new prefixes")


def allocated(pool: Any, length: int | None, cidr: str | None, used: Iterable[str]) -> str:
    """
    A block of the pool that is free of `used`: the one asked for, or the first of `length`.
    Raises PrefixTooShort, PrefixTooLong or NoRoom.
    """
    wanted: Any = None if cidr is None else ipaddress.ip_network(cidr)
    if wanted is not None:
        length = wanted.prefixlen
    length = pool.default_prefixlen if length is None else length
    if length < pool.min_prefixlen:
        raise pool_errors.PrefixTooShort(length, pool.min_prefixlen)
    if length > pool.max_prefixlen:
        raise pool_errors.PrefixTooLong(length, pool.max_prefixlen)
    taken: list[Any] = [ipaddress.ip_network(one) for one in used]
    if wanted is not None:
        inside: list[Any] = [ipaddress.ip_network(prefix) for prefix in pool.prefixes]
        is_ours = any(
            block.version == wanted.version and wanted.subnet_of(block) for block in inside
        )
        if not is_ours or any(wanted.overlaps(one) for one in taken):
            raise pool_errors.NoRoom(
                "Cannot allocate requested subnet from the available set of prefixes"
            )
        return str(wanted)
    found = next(_free(pool.prefixes, length, taken), None)
    if found is None:
        raise pool_errors.NoRoom(f"Insufficient prefix space to allocate subnet size /{length}")
    return found


def _free(prefixes: Sequence[str], length: int, taken: Sequence[Any]) -> Iterator[str]:
    """
    Free blocks of the length; those within a taken one are passed over together.
    """
    for prefix in prefixes:
        block: Any = ipaddress.ip_network(prefix)
        if length < block.prefixlen:
            continue
        at, size = int(block.network_address), 2 ** (block.max_prefixlen - length)
        while at <= int(block.broadcast_address):
            candidate: Any = type(block)((at, length))
            over = [one for one in taken if one.overlaps(candidate)]
            if not over:
                yield str(candidate)
            behind = max((int(one.broadcast_address) + 1 for one in over), default=at + size)
            at = max(at + size, -(-behind // size) * size)


def check_quota(pool: Any, wanted: str, held: Iterable[str]) -> None:
    """
    Raises PoolQuota when a project would have more of the pool than each may.
    """
    if pool.default_quota is None:
        return
    unit = 1 if pool.ip_version == 4 else 2**64
    blocks = [ipaddress.ip_network(one) for one in (wanted, *held)]
    sizes = [block.num_addresses // unit for block in blocks]
    if sum(sizes) > pool.default_quota:
        raise pool_errors.PoolQuota
