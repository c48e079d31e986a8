"""
OP_CLUSTER_VERIFY_CONFIG: whether the configuration is one that can be.

Source: Ganeti 3.0.2, LUClusterVerifyConfig and ConfigWriter.VerifyConfig.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Instance
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input, Opcode, Outcome
from ganetid.opcodes.node_pool import counted
from ganetid.opcodes.verify_report import FIELDS, Finding, report


async def verify_config(context: Context, given: Input) -> Outcome:
    """True when nothing is wrong."""
    told = report(context, given)
    if given["dry_run"]:
        return Outcome()
    cluster = context.cluster
    told.step("Verifying cluster config")
    told.tell(Finding("ECLUSTERCFG", "", text) for text in contradictions(cluster))
    told.step("Verifying all nodes belong to an existing group")
    told.tell(dangling(cluster))
    return Outcome(told.is_good)


def contradictions(cluster: Configuration) -> Iterator[str]:
    """What of the configuration does not fit the rest of it."""
    yield from _of_nodes(cluster)
    macs = Counter(nic.mac for each in cluster.instances.values() for nic in each.nics)
    ports = Counter(each.network_port for each in cluster.instances.values())
    for name in cluster.instance_names:
        instance = cluster.instances[name]
        if instance.primary_node not in cluster.members:
            yield f"instance '{name}' has invalid primary node '{instance.primary_node}'"
        for index, nic in enumerate(instance.nics):
            if macs[nic.mac] > 1:
                yield f"instance '{name}' has NIC {index} mac {nic.mac} duplicate"
        if instance.network_port is not None and ports[instance.network_port] > 1:
            yield f"tcp/udp port {instance.network_port} has duplicates: {name}/network port"
        yield from _of_networks(instance, cluster)
    for network in cluster.networks.values():
        for each in network.connections:
            if each.group not in cluster.groups:
                yield f"network '{network.name}' is connected to unknown group '{each.group}'"


def dangling(cluster: Configuration) -> Iterator[Finding]:
    """Nodes of no group, and instances of no node."""
    nodes = [each for each in cluster.members.values() if each.group not in cluster.groups]
    if nodes:
        names = ", ".join(
            f"{node.name} ({', '.join(each.name for each in cluster.on_node(node.name))})"
            for node in sorted(nodes, key=lambda each: each.name)
        )
        text = f"the following nodes (and their instances) belong to a non existing group: {names}"
        yield Finding("ECLUSTERDANGLINGNODES", "", text)
    lost = [
        name
        for name in cluster.instance_names
        if cluster.instances[name].primary_node not in cluster.members
    ]
    if lost:
        text = f"the following instances have a non-existing primary-node: {', '.join(lost)}"
        yield Finding("ECLUSTERDANGLINGINST", "", text)


def _of_nodes(cluster: Configuration) -> Iterator[str]:
    master = cluster.members.get(cluster.master)
    if master is None or not master.master_candidate:
        yield "Master node is not a master candidate"
    pool = counted(cluster.facts, cluster.members.values())
    if pool.now < pool.wanted:
        yield f"Not enough master candidates: actual {pool.now}, target {pool.wanted}"
    for member in cluster.members.values():
        if [member.master_candidate, member.drained, member.offline].count(True) > 1:
            yield (
                f"Node {member.name} state is invalid: master_candidate={member.master_candidate},"
                f" drain={member.drained}, offline={member.offline}"
            )


def _of_networks(instance: Instance, cluster: Configuration) -> Iterator[str]:
    group = cluster.group_of(instance.primary_node)
    for index, nic in enumerate(instance.nics):
        if nic.network is None:
            continue
        place = f"instance '{instance.name}' NIC {index}"
        network = cluster.networks.get(nic.network)
        if network is None:
            yield f"{place} is in unknown network '{nic.network}'"
            continue
        if group is not None and group.name not in {each.group for each in network.connections}:
            yield f"{place} is in network '{network.name}', which group '{group.name}' has not"
        users = cluster.addresses(network.name).get(nic.ip or "", ())
        if nic.ip and len(users) > 1:
            yield f"{place} has address {nic.ip} of network '{network.name}' like others"


OPCODES = (Opcode("OP_CLUSTER_VERIFY_CONFIG", FIELDS, verify_config, verify_config, lambda _: ()),)
