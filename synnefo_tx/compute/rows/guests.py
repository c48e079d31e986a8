"""
What a guest is told about itself, from its server's rows.
"""

from __future__ import annotations

import base64

from sqlalchemy import Connection

from synnefo_tx.compute.errors import KeypairNotFound
from synnefo_tx.compute.rows.keypairs import find_keypair
from synnefo_tx.compute.rows.servers import AnyRow
from synnefo_tx.compute.rules import config_drive
from synnefo_tx.compute.rules.placement import ZONE
from synnefo_tx.network.rows.plugs import plugs_of


def guest_of(
    connection: Connection,
    server: AnyRow,
    password: str,
    files: tuple[tuple[str, bytes], ...] = (),
) -> config_drive.Guest:
    """
    As when it was made, but for `password` and `files`, which are kept nowhere.
    """
    return config_drive.Guest(
        server_id=server.id,
        name=server.name,
        hostname=server.hostname,
        project_id=server.project_id,
        launch_index=server.launch_index,
        availability_zone=ZONE,
        admin_password=password,
        key_name=server.key_name,
        public_key=_public_key(connection, server),
        metadata=server.metadata,
        user_data=None if server.user_data is None else base64.b64decode(server.user_data),
        interfaces=tuple(map(interface_of, plugs_of(connection, server.id))),
        files=files,
    )


def interface_of(plug: AnyRow) -> config_drive.Interface:
    """
    A row of plugs_of, as its guest is told.
    """
    return config_drive.Interface(
        port_id=plug.id,
        network_id=plug.network_id,
        mac_address=plug.mac_address,
        ip_address=plug.ip_address,
        cidr=plug.cidr,
        gateway=plug.gateway_ip or "",
        mtu=plug.mtu,
        dns=tuple(plug.dns_nameservers),
        tag=plug.tag,
    )


def _public_key(connection: Connection, server: AnyRow) -> str | None:
    """
    None when its owner has deleted the key pair since.
    """
    if server.key_name is None:
        return None
    try:
        return str(find_keypair(connection, server.user_id, server.key_name).public_key)
    except KeypairNotFound:
        return None
