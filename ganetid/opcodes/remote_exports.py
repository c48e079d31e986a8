"""
OP_BACKUP_PREPARE and OP_BACKUP_EXPORT with mode remote: an instance's disks go to another cluster.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ganetid.cluster.model import Instance
from ganetid.node.transfers import Channel
from ganetid.opcodes import handshake
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input
from ganetid.opcodes.errors import WRONG_INPUT, OpcodeError, OpPrereqError


@frozen
class Goal:
    """Where an instance's disks go.  key: name of ours.  certificate: the other's, PEM."""

    places: tuple[handshake.Place, ...]
    key: str
    certificate: str
    compress: str


async def prepared(context: Context, instance: Instance) -> dict[str, Any]:
    """What the other cluster is told: handshake, x509_key_name, x509_ca."""
    secret = await context.nodes.own.domain_secret()
    context.log(f"Generating X509 certificate on {instance.primary_node}")
    key = await context.node_of(instance).new_transfer_key()
    return {
        "handshake": handshake.greeting(secret),
        "x509_key_name": handshake.signed_name(secret, key.name),
        "x509_ca": handshake.signed_certificate(secret, key.certificate),
    }


async def goal_of(context: Context, instance: Instance, given: Input) -> Goal:
    """Where the disks go, by the words of whoever awaits them.  Raises OpPrereqError."""
    if not given["x509_key_name"]:
        raise OpPrereqError("Missing X509 key name for encryption", WRONG_INPUT)
    if not given["destination_x509_ca"]:
        raise OpPrereqError("Missing destination X509 CA", WRONG_INPUT)
    places = given["target_node"]
    if not isinstance(places, list) or len(places) != len(instance.disks):
        raise OpPrereqError(
            f"Received destination information for {len(places)} disks, but instance"
            f" {instance.name} has {len(instance.disks)} disks",
            WRONG_INPUT,
        )
    secret = await context.nodes.own.domain_secret()
    key = handshake.checked_name(secret, given["x509_key_name"])
    certificate = handshake.checked_certificate(secret, given["destination_x509_ca"], "destination")
    checked = [handshake.checked_place(secret, index, place) for index, place in enumerate(places)]
    return Goal(tuple(checked), key, certificate, given["compress"])


async def sent(context: Context, instance: Instance, goal: Goal) -> list[bool]:
    """Send the disks, of an instance that does not run; of each whether it has arrived."""
    node = context.node_of(instance)
    results: list[bool] = []
    try:
        for index, (disk, place) in enumerate(zip(instance.disks, goal.places, strict=True)):
            channel = Channel(goal.key, goal.certificate, place.magic, goal.compress)
            context.log(f"Sending disk {index}")
            try:
                await node.send_disk(instance, disk, place.host, place.port, channel)
            except OpcodeError as error:
                context.log(f"Disk {index} failed to send data: {error.args[0]}")
                results.append(False)
            else:
                context.log(f"Disk {index} finished sending data")
                results.append(True)
    finally:
        await node.end_transfer(goal.key)
    return results
