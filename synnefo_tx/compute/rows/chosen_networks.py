"""
The networks that a new server is plugged into, and its ports there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, select

from synnefo_tx.compute.errors import Ambiguous
from synnefo_tx.compute.rows import chosen_ports
from synnefo_tx.compute.rules.config_drive import Interface
from synnefo_tx.compute.rules.create_request import NetworkWish, ServerRequest
from synnefo_tx.compute.rules.placement import ZONE
from synnefo_tx.errors import BadRequest, NotFound
from synnefo_tx.identity.caller import Caller
from synnefo_tx.identity.rows.visible import visible
from synnefo_tx.network import port_errors
from synnefo_tx.network.rows import networks, port_groups
from synnefo_tx.network.rows.addresses import AddressWish
from synnefo_tx.network.rows.ports import NewPort, Plugged, create_port
from synnefo_tx.network.rows.security_groups import ensure_default
from synnefo_tx.network.rows.tables import port_addresses, ports

AnyRow = Row[Any]


@frozen
class Chosen:
    """
    A network, and the address wanted there, or the port there that is given.
    """

    network: AnyRow
    fixed_ip: str | None
    tag: str | None = None
    port_id: str | None = None


def choose(connection: Connection, caller: Caller, request: ServerRequest) -> list[Chosen]:
    """
    Raises BadRequest or Conflict in Nova's words.
    """
    if request.networks is not None:
        return [_named(connection, caller, wish) for wish in request.networks]
    available = networks.usable(connection, caller.project_id)
    if len(available) > 1:
        raise Ambiguous
    if not available and request.must_have_network:
        raise BadRequest(
            f"Unable to automatically allocate a network for project {caller.project_id}"
        )
    return [Chosen(network, None) for network in available]


def one_more(connection: Connection, caller: Caller, wish: NetworkWish | None) -> Chosen:
    """
    The network of one more port: the one that is wished, or the only one.  Raises BadRequest,
    Conflict or NotFound.
    """
    if wish is not None:
        assert wish.network_id is not None
        if networks.find(connection, wish.network_id, caller.project_id, caller.is_admin) is None:
            raise NotFound(f"Network {wish.network_id} could not be found.")
        return _named(connection, caller, wish)
    available = networks.usable(connection, caller.project_id)
    if len(available) > 1:
        raise BadRequest("Multiple possible networks found, use a Network ID to be more specific.")
    if not available:
        raise BadRequest("No valid network found for the interface to attach to.")
    return Chosen(available[0], None)


def plug(
    connection: Connection,
    caller: Caller,
    chosen: Sequence[Chosen],
    server_id: str,
    now_us: int,
    group_ids: Sequence[str] = (),
    zone: str = ZONE,
) -> list[Interface]:
    """
    The ports of a new server, in these security groups or, without any, in the default one.
    Raises BadRequest when there is no address.
    """
    plugged = []
    for item in chosen:
        if item.port_id is not None:
            given = (item.port_id, server_id, zone, item.tag, now_us)
            plugged.append(chosen_ports.plug(connection, *given))
            continue
        port = _port(connection, caller, item, server_id, now_us)
        if item.network.port_security:
            groups = group_ids or [ensure_default(connection, caller.project_id, now_us)]
            port_groups.put(connection, port.id, groups)
        first = port.addresses[0]
        plugged.append(
            Interface(
                port_id=port.id,
                network_id=item.network.id,
                mac_address=port.mac_address,
                ip_address=first.ip_address,
                cidr=first.subnet.cidr,
                gateway=first.subnet.gateway_ip or "",
                mtu=item.network.mtu,
                dns=tuple(first.subnet.dns_nameservers),
                tag=item.tag,
            )
        )
    return plugged


def _named(connection: Connection, caller: Caller, wish: NetworkWish) -> Chosen:
    if wish.port_id is not None:
        network = chosen_ports.network_of(connection, caller, wish.port_id)
        return Chosen(network, None, wish.tag, wish.port_id)
    assert wish.network_id is not None
    network = networks.find(connection, wish.network_id, caller.project_id, caller.is_admin)
    if network is None:
        raise BadRequest(f"Network {wish.network_id} could not be found.")
    if not networks.subnets_of(connection, [network.id]):
        raise BadRequest(f"Network {network.id} requires a subnet in order to boot instances on.")
    return Chosen(network, wish.fixed_ip, wish.tag)


def _port(
    connection: Connection, caller: Caller, item: Chosen, server_id: str, now_us: int
) -> Plugged:
    address = None if item.fixed_ip is None else str(ipaddress.ip_address(item.fixed_ip))
    wanted = NewPort(
        network_id=item.network.id,
        project_id=caller.project_id,
        device_id=server_id,
        tag=item.tag,
        values={"port_security": item.network.port_security},
        wishes=None if address is None else (AddressWish(ip_address=address),),
    )
    try:
        return create_port(connection, wanted, now_us)
    except port_errors.NoMoreAddresses as error:
        raise BadRequest(
            f"No fixed IP addresses available for network: {item.network.id}"
        ) from error
    except port_errors.AddressInUse as error:
        raise BadRequest(_taken(connection, caller, item.network.id, address)) from error
    except port_errors.InvalidAddress as error:
        raise BadRequest(
            f"Invalid input received: Fixed IP {item.fixed_ip} is not a valid ip address for "
            f"network {item.network.id}."
        ) from error


def _taken(connection: Connection, caller: Caller, network_id: str, address: str | None) -> str:
    """
    That the address is in use; whose server has it is told only to those who may see its port.
    """
    holder = connection.execute(
        select(ports.c.device_id)
        .join(port_addresses, port_addresses.c.port_id == ports.c.id)
        .where(
            ports.c.network_id == network_id,
            port_addresses.c.ip_address == address,
            visible(ports, caller),
        )
    ).scalar()
    if not holder:
        return f"Fixed IP {address} is already in use."
    return f"Fixed IP address {address} is already in use on instance {holder}."
