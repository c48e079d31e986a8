"""
Compute and network services over a database in a file, spoken to by HTTP in memory.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from attrs import define
from sqlalchemy import insert, select, update
from treq.testing import StubTreq
from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from synnefo_tx.compute.api.routes import compute_router
from synnefo_tx.compute.rows.flavors import create_flavor
from synnefo_tx.compute.rows.tables import clusters, servers
from synnefo_tx.compute.rules.quotas import NOVA, OTHERS, RUNNING
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.errors import NotAuthenticated
from synnefo_tx.identity.rows import accounts
from synnefo_tx.identity.token import Token
from synnefo_tx.image.rows.tables import images
from synnefo_tx.network.api.routes import network_router
from synnefo_tx.network.rows.networks import create_network, create_subnet
from synnefo_tx.quota.rows.holdings import held
from synnefo_tx.store.database import Database
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.volume.api.routes import volume_router
from tests.synnefo_tx.cloud_over import cloud_over

NOW = 1_763_861_393.0  # 2025-11-23T01:29:53Z
BASE = "http://cloud/compute"
ALICE, BOB, ADMIN, READER = "alice", "bob", "root", "reader"
_ROLES = {ALICE: ("member",), BOB: ("member",), ADMIN: ("admin",), READER: ("reader",)}
IMAGE = "11111111-1111-4111-8111-111111111111"
NETWORK = "22222222-2222-4222-8222-222222222222"
SUBNET = "33333333-3333-4333-8333-333333333333"
GIB = 1024**3


def project_of(user: str) -> str:
    """
    READER reads in ALICE's project; everybody else has one of their own.
    """
    return f"project-{ALICE if user == READER else user}"


def authenticate(text: str) -> Awaitable[Token]:
    """
    A user's name is its token.
    """
    if text not in _ROLES:
        raise NotAuthenticated
    project = project_of(text)
    token = Token(
        user_id=text,
        user_name=text,
        user_domain_id="default",
        project_id=project,
        project_name=project,
        project_domain_id="default",
        roles=_ROLES[text],
        methods=("password",),
        issued_at=0,
        expires_at=2**40,
        audit_id="a",
    )
    return succeed(token)


@define
class Answer:
    """
    One response, read to its end.
    """

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        values = self.headers.getRawHeaders(name)
        return values[0] if values else None

    def all_of(self, name: str) -> list[str]:
        found: list[str] = self.headers.getRawHeaders(name) or []
        return found


class Cloud:
    """
    One cluster, flavors, an image of 1 GiB and a shared network of 253 addresses.  A test with a
    `database_place` chooses its database by that.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self.test = test
        self.now = NOW
        self.kicks = 0
        self.consoles: list[tuple[str, str, int | None]] = []
        self.console_text = "boot\nlogin: "
        self.looks: dict[str, Any] = {}  # what clusters answer, by what is asked of a guest
        place = getattr(test, "database_place", lambda: Path(test.mktemp()))
        self.database: Database = immediate_database(place())
        test.addCleanup(self.database.engine.dispose)
        fill(self.database)
        root = Resource()
        self.routers = self._routers()
        for router in self.routers:
            root.putChild(router.prefix.encode(), router.resource())
        self._treq = StubTreq(root)

    def _routers(self) -> Any:
        def kick() -> None:
            self.kicks += 1

        given = {"kick": kick, "clusters": self}
        cloud = cloud_over(self.database, authenticate, lambda: self.now, **given)
        return compute_router(cloud), network_router(cloud), volume_router(cloud)

    async def console_log(self, cluster_id: str, server_id: str, lines: int | None) -> str:
        """
        As the clusters tell it.
        """
        self.consoles.append((cluster_id, server_id, lines))
        return self.console_text

    async def look(self, _cluster_id: str, _server_id: str, what: str) -> Any:
        """
        As the clusters tell it.
        """
        return self.looks[what]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        user: str | None = ALICE,
        version: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """
        One call to the end; a body that is not bytes is sent as JSON.
        """
        sent = dict(headers or {})
        if user is not None:
            sent["X-Auth-Token"] = user
        if version is not None:
            sent["OpenStack-API-Version"] = f"compute {version}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        waiting = self._treq.request(method, f"http://cloud{path}", headers=sent, data=body)
        self._treq.flush()
        response = self.test.successResultOf(waiting)
        content = response.content()
        self._treq.flush()
        return Answer(response.code, response.headers, self.test.successResultOf(content))

    def nova(self, method: str, path: str, *args: Any, **more: Any) -> Answer:
        """
        A call below /compute/v2.1.
        """
        return self.call(method, f"/compute/v2.1{path}", *args, **more)

    def neutron(self, method: str, path: str, *args: Any, **more: Any) -> Answer:
        """
        A call below /network/v2.0.
        """
        return self.call(method, f"/network/v2.0{path}", *args, **more)

    def cinder(self, method: str, path: str, *args: Any, **more: Any) -> Answer:
        """
        A call below /volume/v3.
        """
        return self.call(method, f"/volume/v3{path}", *args, **more)

    def create(self, user: str = ALICE, version: str | None = None, **fields: Any) -> str:
        """
        A new server's id.
        """
        answer = self.nova("POST", "/servers", {"server": asked(**fields)}, user, version)
        self.test.assertEqual(answer.status, 202, answer.body)
        return str(answer.json["server"]["id"])

    def active(self, user: str = ALICE, **fields: Any) -> str:
        """
        A new server that its cluster has built.
        """
        server_id = self.create(user, **fields)
        self.believe(server_id, vm_state="active", task_state=None, power_state=1)
        self.believe(server_id, launched_at=int(self.now * 1e6), host="node1")
        return server_id

    def believe(self, server_id: str, **values: Any) -> None:
        """
        Change the server's row, as news does.
        """
        with self.database.engine.begin() as connection:
            statement = update(servers).where(servers.c.id == server_id).values(**values)
            connection.execute(statement)

    def row(self, server_id: str) -> Any:
        """
        The server's row.
        """
        with self.database.engine.connect() as connection:
            return connection.execute(select(servers).where(servers.c.id == server_id)).one()

    def wishes(self, server_id: str) -> list[Any]:
        """
        The outbox's rows about the server, in their order.
        """
        with self.database.engine.connect() as connection:
            statement = select(effects).where(effects.c.target == server_id)
            return list(connection.execute(statement.order_by(effects.c.serial)))

    def used(self, user: str = ALICE) -> dict[str, int]:
        """
        What the user's project holds of its quota by the names and units of OpenStack, and of
        what runs by ours; zeros left out.
        """
        with self.database.engine.connect() as connection:
            found = held(connection, project_of(user))
        named = {name: one.shown(found[one.resource]) for name, one in (NOVA | OTHERS).items()}
        named |= {name: found[name] for name in RUNNING}
        return {name: holding.used for name, holding in named.items() if holding.used}


def asked(**fields: Any) -> dict[str, Any]:
    """
    A good body of POST /servers with `fields` put in, or taken out when None.
    """
    body: dict[str, Any] = {"name": "w", "flavorRef": "1", "imageRef": IMAGE, **fields}
    return {name: value for name, value in body.items() if value is not None}


def fill(database: Database) -> None:
    """
    The rows of a small cloud.
    """
    with database.engine.begin() as connection:
        accounts.create_domain(connection, "default", "Default")
        for project_id in sorted({project_of(user) for user in _ROLES}):
            accounts.create_project(connection, project_id, "default", project_id)
        connection.execute(
            insert(clusters).values(
                id="cluster-1",
                name="one",
                rapi_url="https://127.0.0.1:1",
                rapi_user="u",
                rapi_password="p",
                drained=False,
            )
        )
        for row in (("1", "tiny", 1, 128, 1), ("2", "small", 2, 512, 4), ("0", "any", 1, 64, 0)):
            create_flavor(connection, *row)
        create_flavor(connection, "9", "secret", 1, 64, 1, is_public=False)
        add_image(connection, IMAGE)
        add_network(connection, NETWORK, SUBNET, "default", "project-root", "10.0.0")


def add_image(connection: Any, image_id: str, **values: Any) -> None:
    """
    An active public raw image of 1 GiB.
    """
    row = {
        "name": "guest",
        "owner": "project-root",
        "visibility": "public",
        "status": "active",
        "disk_format": "raw",
        "container_format": "bare",
        "size": GIB,
        "virtual_size": GIB,
        "min_disk": 0,
        "min_ram": 0,
        "protected": False,
        "os_hidden": False,
        "properties": {},
        "boot_volume": f"img-{image_id}",
        "file_volume": f"img-{image_id}",
        "created_at": int(NOW * 1e6),
        "updated_at": int(NOW * 1e6),
    }
    connection.execute(insert(images).values(id=image_id, **{**row, **values}))


def add_network(
    connection: Any,
    network_id: str,
    subnet_id: str,
    name: str,
    project_id: str,
    net: str,
    shared: bool = True,
    last: int = 254,
) -> None:
    """
    A network with the subnet `net`.0/24, whose pool ends at `last`.
    """
    now_us = int(NOW * 1e6)
    create_network(connection, network_id, project_id, name, shared, 1450, "br0", now_us)
    create_subnet(
        connection,
        id=subnet_id,
        network_id=network_id,
        project_id=project_id,
        name=f"{name}-subnet",
        cidr=f"{net}.0/24",
        gateway_ip=f"{net}.1",
        dns_nameservers=["9.9.9.9"],
        pool_start=f"{net}.2",
        pool_end=f"{net}.{last}",
        now_us=now_us,
    )


def some_id() -> str:
    """
    A new UUID.
    """
    return str(uuid.uuid4())
