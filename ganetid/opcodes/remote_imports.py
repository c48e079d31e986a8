"""
OP_INSTANCE_CREATE with mode remote-import: the disks' content comes from another cluster.

The job's log tells where it is awaited, in an entry of kind remote-import; whoever moves the
instance takes that to the other cluster's OP_BACKUP_EXPORT.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from zope.interface import implementer

from ganetid.cluster.model import Instance
from ganetid.node.transfers import Channel
from ganetid.opcodes import handshake
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError
from ganetid.opcodes.imports import ISource

CONNECT_S = 180.0  # Ganeti's RIE_CONNECT_TIMEOUT; the source's guest is shut down meanwhile
LOG_KIND = "remote-import"


@implementer(ISource)
@frozen
class OtherCluster:
    """
    The cluster that sends.  certificate: its sender's, PEM.  patience_s: until it comes.
    """

    certificate: str
    compress: str
    patience_s: float

    async def restore(self, context: Context, instance: Instance) -> None:
        """See ISource."""
        context.log("* preparing remote import...")
        secret = await context.nodes.own.domain_secret()
        node = context.node_of(instance)
        key = await node.new_transfer_key()
        try:
            places = await self._await_all(context, instance, key.name)
            context.log(
                {
                    "disks": [
                        handshake.signed_place(secret, index, place)
                        for index, place in enumerate(places)
                    ],
                    "x509_ca": handshake.signed_certificate(secret, key.certificate),
                },
                LOG_KIND,
            )
            for index, disk in enumerate(instance.disks):
                await node.receive_disk(disk, self.patience_s)
                context.log(f"Disk {index} finished receiving data")
                context.check_cancelled()
        finally:
            await node.end_transfer(key.name)

    async def _await_all(
        self, context: Context, instance: Instance, key: str
    ) -> list[handshake.Place]:
        """Where each disk is awaited."""
        node = context.node_of(instance)
        host = context.cluster.members[instance.primary_node].primary_ip
        base, places = secrets.token_hex(6), []
        for index, disk in enumerate(instance.disks):
            magic = handshake.magic_of(base, instance.name, index)
            channel = Channel(key, self.certificate, magic, self.compress)
            port = await node.await_disk(instance, disk, host, channel)
            context.log(f"Disk {index} is now listening")
            places.append(handshake.Place(host, port, magic))
        return places


async def remote_source(context: Context, given: Mapping[str, Any]) -> OtherCluster:
    """The cluster that a request names.  Raises OpPrereqError unless it knows our secret."""
    secret = await context.nodes.own.domain_secret()
    if not given["source_handshake"]:
        raise OpPrereqError("Missing source handshake", WRONG_INPUT)
    handshake.check_greeting(secret, given["source_handshake"])
    if not given["source_x509_ca"]:
        raise OpPrereqError("Missing source X509 CA", WRONG_INPUT)
    certificate = handshake.checked_certificate(secret, given["source_x509_ca"], "source")
    if not given["source_instance_name"]:
        raise OpPrereqError("Missing source instance name", WRONG_INPUT)
    patience_s = CONNECT_S + given["source_shutdown_timeout"]
    return OtherCluster(certificate, given["compress"], patience_s)
