"""
A small cloud in rows: one cluster, one network, and servers that are being built.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from synnefo_tx.compute.rows.tables import clusters, servers
from synnefo_tx.compute.rules import quotas
from synnefo_tx.effect import plan
from synnefo_tx.effect.rows import tasks
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.effect.tasks import Asked, Step
from synnefo_tx.effect.wishes import NicPlan, ServerPlan
from synnefo_tx.network.rows.networks import create_network, create_subnet
from synnefo_tx.network.rows.tables import port_addresses, ports
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.rows import holdings
from synnefo_tx.volume.rows.tables import volumes

FLAVOR = {"vcpus": 1, "ram": 128, "disk": 1}
RESERVED = quotas.charges(vcpus=1, ram_mib=128, disk_gib=1, ports=1)
PAYER = Payer("u1", "p1")
NOW_US = 1_000_000_000


def stand(connection: Connection) -> None:
    """A cluster `c1` named cluster, and a network `n1`."""
    connection.execute(
        insert(clusters).values(
            id="c1",
            name="cluster",
            rapi_url="https://cluster:5080",
            rapi_user="user",
            rapi_password="secret",
            drained=False,
        )
    )
    create_network(connection, "n1", "p1", "net", True, 1500, "snfbr0", NOW_US)
    create_subnet(
        connection,
        id="s1",
        network_id="n1",
        project_id="p1",
        name="sub",
        cidr="10.0.0.0/24",
        gateway_ip="10.0.0.1",
        dns_nameservers=[],
        pool_start="10.0.0.2",
        pool_end="10.0.0.9",
        now_us=NOW_US,
    )


def begin_server(connection: Connection, server_id: str = "v1", number: int = 2) -> str:
    """A server in BUILD whose task has its wish in the outbox; the effect's id."""
    holdings.take(connection, PAYER, RESERVED)
    wish = plan.create_server(
        ServerPlan(
            server_id=server_id,
            cluster_id="c1",
            vcpus=1,
            memory_mib=128,
            disks=(),
            nics=(
                NicPlan(
                    port_id=f"port-{server_id}",
                    network_id="n1",
                    ip_address=f"10.0.0.{number}",
                    mac_address=f"fa:16:3e:00:00:0{number}",
                    is_secure=True,
                    security_groups=(),
                ),
            ),
            config_drive={},
        )
    )
    asked = Asked(
        kind="server.create",
        target=server_id,
        steps=(Step(wish),),
        context={"task_state": "scheduling"},
        request_id=f"req-{server_id}",
    )
    task_id = tasks.begin(connection, asked, NOW_US)
    connection.execute(
        insert(servers).values(
            id=server_id,
            name="one",
            project_id="p1",
            user_id="u1",
            reservation_id="r-1",
            launch_index=0,
            cluster_id="c1",
            hostname="one",
            flavor_id="1",
            flavor=FLAVOR,
            metadata={},
            tags=[],
            config_drive=False,
            disk_config="MANUAL",
            security_groups=["default"],
            vm_state="building",
            task_state="scheduling",
            power_state=0,
            progress=0,
            reserved=RESERVED,
            as_of=0,
            created_at=NOW_US,
            updated_at=NOW_US,
        )
    )
    connection.execute(
        insert(ports).values(
            id=f"port-{server_id}",
            network_id="n1",
            project_id="p1",
            name="",
            mac_address=f"fa:16:3e:00:00:0{number}",
            device_id=server_id,
            device_owner="compute:nova",
            status="BUILD",
            created_at=NOW_US,
            updated_at=NOW_US,
        )
    )
    connection.execute(
        insert(port_addresses).values(
            port_id=f"port-{server_id}",
            position=0,
            subnet_id="s1",
            ip_address=f"10.0.0.{number}",
            ip_offset=number,
        )
    )
    connection.execute(
        insert(volumes).values(
            id=f"vol-{server_id}",
            name="",
            project_id="p1",
            server_id=server_id,
            index=0,
            size_gib=1,
            status="creating",
            delete_on_termination=True,
            created_at=NOW_US,
            updated_at=NOW_US,
        )
    )
    effect_id = select(effects.c.id).where(effects.c.task_id == task_id)
    return str(connection.execute(effect_id).scalar_one())


def server_row(connection: Connection, server_id: str = "v1") -> Any:
    """The server's row."""
    return connection.execute(select(servers).where(servers.c.id == server_id)).one()


def used(connection: Connection) -> dict[str, int]:
    """What the project holds, and its user as much, resources of which it holds none left out."""
    held = holdings.held(connection, PAYER.project_id)
    assert {name: h.used for name, h in held.items()} == {
        name: h.used for name, h in holdings.held_by(connection, PAYER).items()
    }
    return {name: h.used for name, h in held.items() if h.used}
