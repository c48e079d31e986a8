"""
What an empty cloud is given.
"""

from __future__ import annotations

import stat
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml
from msgspec import structs
from sqlalchemy import select
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import TestCase

from synnefo_tx.compute.rows.tables import clusters, flavors
from synnefo_tx.effect.rows.tables import effects
from synnefo_tx.identity.rows.tables import users
from synnefo_tx.network.rows.networks import usable
from synnefo_tx.network.rows.tables import networks, subnets
from synnefo_tx.processes.first_start import fill
from synnefo_tx.processes.settings import FirstCluster, FirstExternal, FirstStart
from synnefo_tx.store.memory import immediate_database

URL = "http://c/identity/v3"


class FillTests(TestCase):
    """The first start, and the second."""

    def setUp(self) -> None:
        self.told: list[str] = []
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        (self.home / "rapi").write_text("rapi-secret\n")
        self.database = immediate_database(self.home / "db")
        self.first = FirstStart(
            files=str(self.home / "files"),
            network_cidr="10.5.0.0/28",
            cluster=FirstCluster(
                rapi_url="https://c:5080", rapi_password_file=str(self.home / "rapi")
            ),
        )

    def fill(self) -> Deferred[None]:
        return ensureDeferred(
            fill(
                self.database,
                self.first,
                "http://c/identity/v3",
                lambda p: f"hash of {p}",
                1,
                self.told.append,
            )
        )

    async def rows(self, table: Any) -> list[Any]:
        return await self.database.read(lambda c: list(c.execute(select(table))))

    async def test_gives_everything(self) -> None:
        """A user, flavors, a network, a cluster and the wishes for the network are there."""
        await self.fill()
        (user,) = await self.rows(users)
        password = (self.home / "files" / "admin-password").read_text().strip()
        self.assertEqual((user.name, user.password_hash), ("admin", f"hash of {password}"))
        self.assertEqual(len(await self.rows(flavors)), 6)
        (cluster,) = await self.rows(clusters)
        self.assertEqual(cluster.rapi_password, "rapi-secret")
        (subnet,) = await self.rows(subnets)
        self.assertEqual(
            (subnet.gateway_ip, subnet.allocation_pools),
            ("10.5.0.1", [{"start": "10.5.0.2", "end": "10.5.0.14"}]),
        )
        self.assertEqual(
            [effect.path for effect in await self.rows(effects)],
            ["/2/networks"],
        )

    async def test_external_network(self) -> None:
        """If it is asked for, it is there by its id, apart from the first one and its servers."""
        told = FirstExternal(id="33333333-3333-4333-8333-333333333333", link="ext")
        self.first = structs.replace(self.first, external=told, network_cidr="10.77.0.0/24")
        await self.fill()
        (external,) = [row for row in await self.rows(networks) if row.external]
        self.assertEqual(
            (external.id, external.name, external.link, external.shared),
            (told.id, "public", "ext", False),
        )
        first, second = (ip_network(row.cidr) for row in await self.rows(subnets))
        self.assertFalse(first.overlaps(second))
        unasked = await self.database.read(usable, external.project_id)
        self.assertEqual([row.name for row in unasked], ["default"])

    async def test_files_are_private(self) -> None:
        """Nobody else reads the password."""
        await self.fill()
        for name in ("admin-password", "clouds.yaml", "openrc"):
            mode = (self.home / "files" / name).stat().st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600, name)

    async def test_clouds_yaml_is_what_clients_read(self) -> None:
        """The file names the cloud, its URL and the password."""
        await self.fill()
        clouds = yaml.safe_load((self.home / "files" / "clouds.yaml").read_text())
        auth = clouds["clouds"]["synnefo"]["auth"]
        password = (self.home / "files" / "admin-password").read_text().strip()
        self.assertEqual((auth["auth_url"], auth["password"]), ("http://c/identity/v3", password))

    async def test_second_start_changes_nothing(self) -> None:
        """The password and the rows stay as they are."""
        await self.fill()
        before = (self.home / "files" / "admin-password").read_text()
        self.assertIn(before.strip(), self.told.pop())
        await self.fill()
        self.assertEqual((self.home / "files" / "admin-password").read_text(), before)
        self.assertEqual((len(await self.rows(users)), self.told), (1, []))
