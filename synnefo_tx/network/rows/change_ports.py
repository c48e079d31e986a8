"""
Making, changing and deleting ports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from synnefo_tx.compute.rows.servers import hold
from synnefo_tx.effect.plans import nics
from synnefo_tx.effect.tasks import Asked
from synnefo_tx.network import errors, port_errors
from synnefo_tx.network.rows import addresses, plugging, port_groups
from synnefo_tx.network.rows.addresses import AddressWish
from synnefo_tx.network.rows.ask import Ask, charge, give_back
from synnefo_tx.network.rows.change_networks import touched
from synnefo_tx.network.rows.kinds import NETWORKS
from synnefo_tx.network.rows.lists import find
from synnefo_tx.network.rows.ports import NewPort, create_port, delete_ports
from synnefo_tx.network.rows.tables import networks, ports
from synnefo_tx.network.rules.attributes import Values, as_columns
from synnefo_tx.network.rules.shapes import PORT
from synnefo_tx.quota import registered

OF_SERVICES = "network:"
# What is said of a port by those alone whose network it is on
_OWNERS_ALONE = ("mac_address", "port_security_enabled", "allowed_address_pairs")
_TOLD_TO_CLUSTERS = {
    "fixed_ips",
    "port_security_enabled",
    "allowed_address_pairs",
    "extra_dhcp_opts",
    "security_groups",
}
_BEYOND_COLUMNS = (
    "mac_address",
    "network_id",
    "device_id",
    "device_owner",
    "name",
    "fixed_ips",
    "security_groups",
)


def create(connection: Connection, ask: Ask, values: Values) -> str:
    """
    The new port's id.  Raises NetworkNotFound, PolicyNotAuthorized, OverQuota, PairsNeedSecurity
    and what rows/ports.create_port does.
    """
    network = find(connection, NETWORKS, values["network_id"], ask.caller)
    _check_rights(ask, network, values, "create_port")
    columns = as_columns(PORT, values)
    _check_device(connection, None, columns, "create_port")
    columns.setdefault("port_security", network.port_security)
    _check_pairs(columns["port_security"], columns["allowed_pairs"])
    charge(connection, ask.project_id, {registered.PORT: 1})
    further = {name: value for name, value in columns.items() if name not in _BEYOND_COLUMNS}
    wanted = NewPort(
        network_id=network.id,
        project_id=ask.project_id,
        device_id=columns["device_id"],
        device_owner=columns["device_owner"],
        name=columns["name"],
        wishes=wishes_of(values),
        mac_address=values.get("mac_address"),
        values=further | {"is_own": True},
    )
    port_id = create_port(connection, wanted, ask.now_us).id
    is_checked = columns["port_security"] and not wanted.device_owner.startswith(OF_SERVICES)
    asked = values.get("security_groups")
    groups = port_groups.at_first(connection, ask, asked, is_secure=is_checked)
    port_groups.put(connection, port_id, groups)
    return port_id


def change(connection: Connection, ask: Ask, row: Any, values: Values) -> None:
    """
    Raises PolicyNotAuthorized, PairsNeedSecurity, MacInUse, NoMoreAddresses, AddressInUse,
    InvalidAddress or InvalidSubnet.
    """
    network = connection.execute(select(networks).where(networks.c.id == row.network_id)).one()
    _check_rights(ask, network, values, "update_port")
    columns = as_columns(PORT, values)
    _check_device(connection, row, columns, "update_port")
    pairs = columns.get("allowed_pairs", row.allowed_pairs)
    is_secure = columns.get("port_security", row.port_security)
    _check_pairs(is_secure, pairs)
    groups = columns.pop("security_groups", None)
    port_groups.change(connection, ask, row.id, groups, is_secure=is_secure)
    wishes = wishes_of(columns)
    columns.pop("fixed_ips", None)
    try:
        with connection.begin_nested():
            touched(connection, ports, row.id, columns, ask.now_us)
    except IntegrityError:
        raise port_errors.MacInUse(row.network_id, values["mac_address"]) from None
    if wishes is not None:
        readdress(connection, row, wishes)
    if values.keys() & _TOLD_TO_CLUSTERS:
        plugging.changed(connection, row, ask.now_us)


def remove(connection: Connection, ask: Ask, row: Any) -> None:
    """
    Raises ServicePortInUse.
    """
    if row.device_owner.startswith(OF_SERVICES) and row.device_id:
        raise port_errors.ServicePortInUse(row.id, row.device_owner)
    server = plugging.server_of(connection, row)
    if server is not None:
        context = {"server_id": server.id}
        task = Asked(kind=nics.DETACH, target=row.id, steps=(), context=context)
        plugging.unplug(connection, server, task, ask.now_us)
        if not row.is_own:
            hold(connection, server, {registered.PORT: server.reserved.get(registered.PORT, 1) - 1})
    delete_ports(connection, [row.id])
    if row.is_own:
        give_back(connection, row.project_id, {registered.PORT: 1})


def readdress(connection: Connection, port: Any, wishes: Sequence[AddressWish]) -> None:
    """
    The port has the addresses wished, and keeps those of its own that will do.
    """
    there = addresses.of_ports(connection, [port.id]).get(port.id, [])
    kept: list[str] = []
    left = []
    for wish in wishes:
        fitting = next(
            (one for one in there if one.ip_address not in kept and _fits(one, wish)), None
        )
        if fitting is None:
            left.append(wish)
        else:
            kept.append(fitting.ip_address)
    gone = [one.ip_address for one in there if one.ip_address not in kept]
    if gone:
        addresses.take(connection, [port.id], gone)
    wanted = [AddressWish(ip_address=address) for address in kept]
    addresses.give(connection, port, [*wanted, *left], kept)


def wishes_of(values: Values) -> tuple[AddressWish, ...] | None:
    """
    The addresses that a body asks for; None when it says nothing of them.
    """
    asked = values.get("fixed_ips")
    if asked is None:
        return None
    return tuple(AddressWish(one.get("subnet_id"), one.get("ip_address")) for one in asked)


def _fits(address: Any, wish: AddressWish) -> bool:
    if wish.ip_address is not None:
        return bool(address.ip_address == wish.ip_address)
    return bool(address.subnet_id == wish.subnet_id)


def _check_rights(ask: Ask, network: Any, values: Values, policy: str) -> None:
    if ask.caller.is_admin:
        return
    if str(values.get("device_owner", "")).startswith(OF_SERVICES):
        raise errors.PolicyNotAuthorized.of_attribute(policy, "device_owner")
    if network.project_id == ask.caller.project_id:
        return
    if network.external and not network.shared:
        raise errors.PolicyNotAuthorized(policy)
    for name in _OWNERS_ALONE:
        if values.get(name) or values.get(name) is False:
            raise errors.PolicyNotAuthorized.of_attribute(policy, name)
    if any("ip_address" in one for one in values.get("fixed_ips") or ()):
        raise errors.PolicyNotAuthorized.of_attribute(policy, "fixed_ips:ip_address")


def _check_device(connection: Connection, row: Any | None, columns: Values, policy: str) -> None:
    """
    What is in a server the compute service alone says: whose port names a server is plugged into it
    and counted with it.
    """
    said = {name: columns[name] for name in ("device_id", "device_owner") if name in columns}
    if row is not None:
        said = {name: value for name, value in said.items() if value != getattr(row, name)}
        if said and plugging.server_of(connection, row) is not None:
            raise port_errors.PortInUse(row)
    device_id = said.get("device_id") or (row.device_id if row is not None and said else "")
    if device_id and plugging.is_server(connection, device_id):
        raise errors.PolicyNotAuthorized.of_attribute(policy, "device_id")


def _check_pairs(is_secure: bool, pairs: Sequence[Any]) -> None:
    if pairs and not is_secure:
        raise port_errors.PairsNeedSecurity
