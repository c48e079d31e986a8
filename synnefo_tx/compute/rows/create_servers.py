"""
POST /servers in one transaction: everything the server needs is found, charged and written, and
the wish for it is put in the outbox.
"""

from __future__ import annotations

import secrets
import string
import uuid
from typing import Any

from attrs import evolve, field, frozen
from sqlalchemy import Connection, Row, insert

from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.errors import FlavorNotFound
from synnefo_tx.compute.rows import (
    boot_images,
    chosen_networks,
    chosen_ports,
    disks_at_create,
    placing,
    port_security,
)
from synnefo_tx.compute.rows.acting import begin_task
from synnefo_tx.compute.rows.affording import how_many
from synnefo_tx.compute.rows.flavors import as_kept, flavor_for_server
from synnefo_tx.compute.rows.keypairs import keypair_for_server
from synnefo_tx.compute.rows.nic_plans import nic_plans
from synnefo_tx.compute.rows.quotas import check_metadata
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import config_drive, quotas
from synnefo_tx.compute.rules.create_request import ServerRequest, hostname_of
from synnefo_tx.compute.rules.placement import ZONE, choose_cluster
from synnefo_tx.effect import plan
from synnefo_tx.effect.tasks import Step
from synnefo_tx.effect.wishes import DiskPlan, NicPlan, ServerPlan, Wish
from synnefo_tx.errors import BadRequest
from synnefo_tx.identity.caller import Caller
from synnefo_tx.image.model import BootableImage
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import VOLUME
from synnefo_tx.quota.rows import holdings
from synnefo_tx.volume.rows.tables import volumes

AnyRow = Row[Any]


@frozen
class Created:
    """
    The ids of the new servers in their order, and the id of the request.
    """

    server_ids: tuple[str, ...]
    reservation_id: str


@frozen
class _Materials:
    """
    What all servers of one request are made of.
    """

    flavor: AnyRow
    image: BootableImage | None
    keypair: AnyRow | None
    cluster_id: str
    networks: list[chosen_networks.Chosen]
    group_ids: tuple[str, ...]
    disk_gib: int  # of the local boot disk; 0 without one
    reservation_id: str = field(
        factory=lambda: (
            "r-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
        )
    )

    def charges(self) -> dict[str, int]:
        """
        What one server takes of its project's quota.
        """
        flavor = self.flavor
        ports = sum(chosen.port_id is None for chosen in self.networks)
        taken = quotas.charges(flavor.vcpus, flavor.ram_mib, self.disk_gib, ports)
        return taken if self.image else {**taken, VOLUME: 0}


def create_servers(connection: Connection, ask: Ask, request: ServerRequest) -> Created:
    """
    Raises BadRequest, Conflict, OverQuota or Unavailable in Nova's words.
    """
    caller = ask.caller
    materials = _gather(connection, ask, request)
    payer = Payer(caller.user_id, caller.project_id)
    count = how_many(connection, payer, materials.charges(), request)
    charges = {name: amount * count for name, amount in materials.charges().items()}
    holdings.take(connection, payer, charges)
    made = tuple(
        _create(connection, ask, request, materials, _itself(request, place, count))
        for place in range(count)
    )
    return Created(made, materials.reservation_id)


def _gather(connection: Connection, ask: Ask, request: ServerRequest) -> _Materials:
    caller = ask.caller
    if not request.image_id and not request.disks:
        raise BadRequest("Invalid imageRef provided.")
    check_metadata(connection, caller.project_id, len(request.metadata))
    if request.availability_zone not in (None, ZONE):
        raise BadRequest("Invalid input received: The requested availability zone is not available")
    try:
        flavor = flavor_for_server(connection, request.flavor_id, caller)
    except FlavorNotFound as error:
        raise BadRequest(str(error)) from error
    image = None
    if request.image_id:
        image = boot_images.find_bootable(connection, request.image_id, caller.project_id)
        boot_images.check_fits(image, flavor.ram_mib, flavor.disk_gib)
    keypair = keypair_for_server(connection, caller.user_id, request.key_name)
    return _Materials(
        flavor=flavor,
        image=image,
        keypair=keypair,
        cluster_id=choose_cluster(placing.candidates(connection)),
        networks=chosen_networks.choose(connection, caller, request),
        group_ids=port_security.named(connection, ask, request.security_groups),
        disk_gib=boot_images.boot_disk_gib(image, flavor.disk_gib) if image else 0,
    )


@frozen
class _Itself:
    """
    What one server of a request has of its own.
    """

    server_id: str
    volume_id: str
    name: str
    hostname: str
    place: int


def _create(
    connection: Connection,
    ask: Ask,
    request: ServerRequest,
    materials: _Materials,
    itself: _Itself,
) -> str:
    caller, now_us = ask.caller, ask.now_us
    plugged = chosen_networks.plug(
        connection, caller, materials.networks, itself.server_id, now_us, materials.group_ids
    )
    disks = (
        *_local_disk(connection, caller, materials, itself, now_us),
        *disks_at_create.put(connection, ask, itself.server_id, request.disks),
    )
    guest = _guest(caller, request, materials, plugged, itself)
    of_it = evolve(ask, server_id=itself.server_id)
    given = [chosen.port_id for chosen in materials.networks if chosen.port_id is not None]
    steps = (
        Step(_wish(materials, itself, disks, nic_plans(connection, plugged), guest)),
        *chosen_ports.steps_after(connection, itself.server_id, materials.cluster_id, given),
    )
    begin_task(connection, of_it, "create", "scheduling", steps, {})
    connection.execute(
        insert(servers).values(
            id=itself.server_id,
            name=itself.name,
            hostname=itself.hostname,
            launch_index=itself.place,
            created_at=now_us,
            updated_at=now_us,
            **_common(caller, request, materials),
        )
    )
    return itself.server_id


def _itself(request: ServerRequest, place: int, count: int) -> _Itself:
    server_id = str(uuid.uuid4())
    name = request.name if count == 1 else f"{request.name}-{place + 1}"
    hostname = request.hostname or hostname_of(name, server_id)
    return _Itself(server_id, str(uuid.uuid4()), name, hostname, place)


def _local_disk(
    connection: Connection, caller: Caller, materials: _Materials, itself: _Itself, now_us: int
) -> tuple[DiskPlan, ...]:
    """
    The one that an image begins, which goes with its server.
    """
    image = materials.image
    if image is None:
        return ()
    connection.execute(
        insert(volumes).values(
            id=itself.volume_id,
            name="",
            project_id=caller.project_id,
            server_id=itself.server_id,
            index=0,
            size_gib=materials.disk_gib,
            image_id=image.id,
            status="creating",
            delete_on_termination=True,
            created_at=now_us,
            updated_at=now_us,
        )
    )
    size_gib = materials.disk_gib
    return (DiskPlan(volume_id=itself.volume_id, size_gib=size_gib, origin=image.boot_volume),)


def _wish(
    materials: _Materials,
    itself: _Itself,
    disks: tuple[DiskPlan, ...],
    nics: tuple[NicPlan, ...],
    guest: config_drive.Guest,
) -> Wish:
    return plan.create_server(
        ServerPlan(
            server_id=itself.server_id,
            cluster_id=materials.cluster_id,
            vcpus=materials.flavor.vcpus,
            memory_mib=materials.flavor.ram_mib,
            disks=disks,
            nics=nics,
            config_drive=config_drive.contents(guest),
        )
    )


def _common(caller: Caller, request: ServerRequest, materials: _Materials) -> dict[str, Any]:
    """
    The columns that are the same for all servers of a request.
    """
    flavor = materials.flavor
    return {
        "description": request.description,
        "project_id": caller.project_id,
        "user_id": caller.user_id,
        "reservation_id": materials.reservation_id,
        "cluster_id": materials.cluster_id,
        "availability_zone": request.availability_zone,
        "flavor_id": flavor.id,
        "flavor": as_kept(flavor),
        "image_id": materials.image.id if materials.image else None,
        "key_name": request.key_name,
        "metadata": request.metadata,
        "tags": list(request.tags),
        "config_drive": request.config_drive,
        "user_data": request.user_data,
        "access_ipv4": request.access_ipv4,
        "access_ipv6": request.access_ipv6,
        "disk_config": request.disk_config,
        "security_groups": list(request.security_groups) if materials.networks else [],
        "vm_state": "building",
        "task_state": "scheduling",
        "power_state": 0,
        "progress": 0,
        "reserved": materials.charges(),
        "as_of": 0,
    }


def _guest(
    caller: Caller,
    request: ServerRequest,
    materials: _Materials,
    plugged: list[config_drive.Interface],
    itself: _Itself,
) -> config_drive.Guest:
    key = materials.keypair
    return config_drive.Guest(
        server_id=itself.server_id,
        name=itself.name,
        hostname=itself.hostname,
        project_id=caller.project_id,
        launch_index=itself.place,
        availability_zone=ZONE,
        admin_password=request.admin_password,
        key_name=key.name if key else None,
        public_key=key.public_key if key else None,
        metadata=request.metadata,
        user_data=request.decoded_user_data(),
        interfaces=tuple(plugged),
        files=request.files,
    )
