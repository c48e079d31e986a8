"""
OP_INSTANCE_SET_NIC_PORT: what a NIC has beyond Ganeti's parameters; and the same while NICs are
made or changed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance, Nic
from ganetid.cluster.wiring import NicPort, Router
from ganetid.network.addresses import plain_network
from ganetid.network.ports import DhcpOption, NicQos, public_addresses
from ganetid.network.wire.dhcp6_options import option6_value
from ganetid.network.wire.dhcp_options import LONGEST, is_next_server, option_value
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import REQUIRED, Field, Input, Outcome, boolean, text
from ganetid.opcodes.errors import UNKNOWN_ENTITY, OpPrereqError
from ganetid.opcodes.forward_checks import check_forwards
from ganetid.opcodes.instances import changed, found, instance_opcode
from ganetid.opcodes.nic_addresses import MAC, Claim, require_free
from ganetid.opcodes.typed_body import changed_value, check_ip, object_kind, wrong

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
MTUS = range(576, 9217)
RATES = range(1, 100_000_001)
QOS = {
    **dict.fromkeys(("egress_kbps", "ingress_kbps", "min_egress_kbps", "min_ingress_kbps"), RATES),
    **dict.fromkeys(("egress_burst_kbit", "ingress_burst_kbit"), range(1, 2**31)),
    "dscp": range(64),
}
LISTS = ("ips", "allowed_address_pairs", "floating_ips", "port_forwardings", "dhcp_options")
MOST = 256  # of each list


async def set_port(context: Context, given: Input) -> Outcome:
    """Change it, on the running guest at once; on failure nothing is changed."""
    instance = found(context, given)
    nic = nic_named(instance, str(given["nic"]))
    others = tuple(each for each in instance.nics if each.uuid != nic.uuid)
    cluster = context.cluster
    network = cluster.networks.get(nic.network or "")
    group = cluster.group_of(instance.primary_node)
    claim = Claim(network, nic.mac, cluster, others, group.name if group else "",
                  given["conflicts_check"], frozenset(nic.ips))  # fmt: skip
    newer = checked_port(nic, nic.port, given["port"], claim)
    nics = tuple(newer if each.uuid == nic.uuid else each for each in instance.nics)
    changes = changed(instance, context.now(), nics=nics)
    if given["dry_run"] or not changes:
        return Outcome()
    wanted = evolve(instance, nics=nics)
    cluster.claim(wanted)
    try:
        node = context.node_of(instance)
        if await node.is_running(instance):
            await node.update_nics(context.actual(wanted))
    except Exception:
        cluster.release(instance.name)
        raise
    return Outcome(None, changes)


def nic_named(instance: Instance, name: str) -> Nic:
    """The NIC of this index, UUID or name.  Raises OpPrereqError."""
    for index, nic in enumerate(instance.nics):
        if name in {nic.uuid, nic.name, str(index)}:
            return nic
    raise OpPrereqError(f"Instance {instance.name} has no NIC '{name}'", UNKNOWN_ENTITY)


def checked_port(nic: Nic, port: NicPort, given: Any, claim: Claim) -> Nic:
    """
    The NIC with its port changed to what is given, None for nothing.  port: as it was.

    Raises OpPrereqError, which names the field.
    """
    wanted = port if given is None else changed_value(port, given, "port")
    wanted = evolve(wanted, ips=tuple(str(check_ip(each, f"port.ips[{index}]"))
                                      for index, each in enumerate(wanted.ips)))  # fmt: skip
    for name in LISTS:
        if len(getattr(wanted, name)) > MOST:
            raise wrong(f"port.{name}", f"at most {MOST} are possible")
    if given is not None:
        _check_addresses(nic, wanted, claim)
        _check_groups(wanted, claim.cluster)
        _check_rest(wanted)
    return evolve(nic, port=wanted)


def _check_addresses(nic: Nic, port: NicPort, claim: Claim) -> None:
    if port.ips and claim.network is None:
        raise wrong("port.ips", "the NIC is in no network")
    if len({*port.ips, nic.ip}) <= len(port.ips):
        raise wrong("port.ips", "an address is there twice")
    for index, each in enumerate(port.ips):
        if each not in claim.own and claim.network is not None:
            try:
                require_free(ipaddress.ip_address(each), claim.network, claim)
            except OpPrereqError as error:
                raise OpPrereqError(f"port.ips[{index}]: {error.args[0]}", error.args[1]) from None
    for index, pair in enumerate(port.allowed_address_pairs):
        where = f"port.allowed_address_pairs[{index}]"
        check_cidr(pair.cidr, f"{where}.cidr")
        if pair.mac is not None and not MAC.fullmatch(pair.mac):
            raise wrong(f"{where}.mac", f"'{pair.mac}' is no MAC address")
    _check_public(nic, port, claim.cluster)


def _check_public(nic: Nic, port: NicPort, cluster: Configuration) -> None:
    """Of one public address all leads to one NIC: the node that has it answers for the address."""
    taken = _public(cluster, nic) if port.floating_ips or port.port_forwardings else set()
    for index, address in enumerate(port.floating_ips):
        where = f"port.floating_ips[{index}]"
        check_ip(address.public, f"{where}.public", 4)
        if address.private is not None and address.private not in {nic.ip, *port.ips}:
            raise wrong(f"{where}.private", f"'{address.private}' is not the NIC's")
        if address.public in taken:
            raise wrong(f"{where}.public", f"{address.public} is in use")
    check_forwards(port.port_forwardings, port.floating_ips, "port.port_forwardings")
    for index, forward in enumerate(port.port_forwardings):
        where = f"port.port_forwardings[{index}]"
        if forward.private not in {nic.ip, *port.ips}:
            raise wrong(f"{where}.private", f"'{forward.private}' is not the NIC's")
        if forward.public in taken:
            raise wrong(f"{where}.public", f"{forward.public} is in use")


def _check_groups(port: NicPort, cluster: Configuration) -> None:
    if port.security_groups and not port.port_security:
        raise wrong("port.security_groups", "without port_security there are none")
    for index, name in enumerate(port.security_groups or ()):
        if name not in cluster.security_groups:
            problem = f"port.security_groups[{index}]: Security group '{name}' not found"
            raise OpPrereqError(problem, UNKNOWN_ENTITY)


def _check_rest(port: NicPort) -> None:
    if port.mtu is not None and port.mtu not in MTUS:
        raise wrong("port.mtu", f"{port.mtu} is not in {MTUS.start} to {MTUS.stop - 1}")
    if port.host_name is not None and not HOST_NAME.fullmatch(port.host_name):
        raise wrong("port.host_name", f"'{port.host_name}' is no host name")
    _check_options(port.dhcp_options)
    _check_qos(port.qos)


def _check_qos(qos: NicQos) -> None:
    for name, possible in QOS.items():
        value = getattr(qos, name)
        if value is not None and value not in possible:
            raise wrong(f"port.qos.{name}", f"{value} is not in {possible[0]} to {possible[-1]}")
    for way in ("egress", "ingress"):
        burst = f"{way}_burst_kbit"
        if getattr(qos, burst) is not None and getattr(qos, f"{way}_kbps") is None:
            raise wrong(f"port.qos.{burst}", f"without {way}_kbps there is none")


def _check_options(options: tuple[DhcpOption, ...]) -> None:
    sizes: dict[tuple[int, int], int] = {}
    for index, option in enumerate(options):
        where = f"port.dhcp_options[{index}]"
        try:
            number, size = _option_size(option)
        except ValueError as error:
            raise wrong(where, str(error)) from None
        if (option.ip_version, number) in sizes:
            raise wrong(where, "the option is there twice")
        sizes[option.ip_version, number] = size
    for version in (4, 6):
        if sum(size for (each, _), size in sizes.items() if each == version) > LONGEST:
            raise wrong("port.dhcp_options", f"more than {LONGEST} bytes fit in no answer")


def _option_size(option: DhcpOption) -> tuple[int, int]:
    """Its number, 0 for what is no option, and bytes.  Raises ValueError."""
    if option.ip_version not in {4, 6}:
        raise ValueError(f"there is no IPv{option.ip_version}")
    if option.ip_version == 4 and is_next_server(option):
        return 0, 0
    number, value = (option_value if option.ip_version == 4 else option6_value)(option)
    return number, len(value)


def _public(cluster: Configuration, nic: Nic) -> set[str]:
    """Public addresses of all others."""
    ports = [
        other.port
        for instance in cluster.everyone().values()
        for other in instance.nics
        if other.uuid != nic.uuid
    ]
    owners: list[NicPort | Router] = [*ports, *cluster.routers.values()]
    return {
        each for own in owners for each in public_addresses(own.floating_ips, own.port_forwardings)
    }


def check_cidr(given: str, where: str) -> int:
    """Its version.  Raises OpPrereqError."""
    try:
        return plain_network(given).version
    except ValueError:
        raise wrong(where, f"'{given}' is no CIDR") from None


def check_cidrs(given: Iterable[str], where: str) -> None:
    """Raises OpPrereqError."""
    for index, each in enumerate(given):
        check_cidr(each, f"{where}[{index}]")


PORT = object_kind(NicPort)
OPCODES = (
    instance_opcode(
        "OP_INSTANCE_SET_NIC_PORT",
        set_port,
        Field("nic", text, REQUIRED),
        Field("port", PORT, REQUIRED),
        Field("conflicts_check", boolean, True),
    ),
)
