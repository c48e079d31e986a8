"""
What projects held before there were users' holdings is moved, in the new names and units.
"""

from __future__ import annotations

import json
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, Engine, select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.compute.rules import quotas
from synnefo_tx.quota.model import Holding, Payer
from synnefo_tx.quota.registered import CPU, DISKSPACE, NETWORK, SUBNET, TOTAL_CPU, TOTAL_RAM, VM
from synnefo_tx.quota.rows.holdings import held, held_by
from synnefo_tx.quota.rows.resources import ensure
from synnefo_tx.quota.rows.verify import quota_verify, reconcile_resources
from synnefo_tx.quota.services import SERVICES
from synnefo_tx.store.database import open_engine
from synnefo_tx.store.schema import _config, upgrade
from tests.live.postgresql import shared_server

RESERVED = {"instances": 1, "cores": 2, "ram": 512, "volumes": 1, "gigabytes": 3, "ports": 1}
FLAVOR = {"vcpus": 2, "ram": 512, "disk": 3}


def _server(name: str, user: str, state: str, power: int, reserved: dict[str, int]) -> str:
    columns = (
        "id, name, project_id, user_id, reservation_id, launch_index, cluster_id, hostname, "
        "flavor_id, flavor, metadata, tags, config_drive, disk_config, security_groups, vm_state, "
        "power_state, progress, reserved, as_of, created_at, updated_at"
    )
    values = (
        f"'{name}', '{name}', 'p', '{user}', 'r', 0, 'c', 'h', '1', '{json.dumps(FLAVOR)}', '{{}}',"
        f" '[]', false, 'MANUAL', '[]', '{state}', {power}, 0, '{json.dumps(reserved)}', 0, 0, 0"
    )
    return f"INSERT INTO servers ({columns}) VALUES ({values})"


def _old(connection: Connection) -> None:
    """Two servers of two users, one of them stopped; one that came to nothing; one network."""
    rows = [
        "INSERT INTO clusters VALUES ('c', 'c', 'u', 'u', 'p', NULL, false)",
        "INSERT INTO networks VALUES ('n', 'n', 'p', true, 1500, 'br0', 0, 0)",
        (
            "INSERT INTO subnets VALUES ('s', 'n', 'p', '', 4, '10.0.0.0/24', '10.0.0.1', '[]', "
            "'10.0.0.2', '10.0.0.9', 0, 0)"
        ),
        _server("one", "ann", "active", 1, RESERVED),
        _server("two", "ben", "stopped", 4, RESERVED),
        _server("three", "ben", "error", 0, {}),
    ]
    for number, name in enumerate(("one", "two")):
        rows.append(
            f"INSERT INTO volumes VALUES ('v{number}', '', 'p', '{name}', 0, 3, NULL, "
            "'in-use', true, 0, 0)"
        )
        rows.append(
            "INSERT INTO ports (id, network_id, subnet_id, project_id, name, mac_address, "
            "ip_address, ip_offset, device_id, device_owner, status, created_at, updated_at) "
            f"VALUES ('p{number}', 'n', 's', 'p', '', 'm{number}', '10.0.0.{number}', {number}, "
            f"'{name}', 'compute:nova', 'ACTIVE', 0, 0)"
        )
    for number, (owner, status) in enumerate(
        (("'p'", "active"), ("'p'", "deactivated"), ("'p'", "deleted"), ("NULL", "active"))
    ):
        rows.append(
            "INSERT INTO images (id, owner, visibility, status, size, min_disk, min_ram, "
            "protected, os_hidden, properties, created_at, updated_at) "
            f"VALUES ('i{number}', {owner}, 'shared', '{status}', 7, 0, 0, false, false, "
            "'{}', 0, 0)"
        )
    limits = {"instances": 20, "cores": 64, "ram": -1, "volumes": 40, "gigabytes": 1000}
    for resource, limit in (limits | {"ports": 500}).items():
        used = 2 * RESERVED[resource]
        rows.append(f"INSERT INTO holdings VALUES ('p', '{resource}', {limit}, {used})")
    for row in rows:
        connection.exec_driver_sql(row)


class MigrationTests(SynchronousTestCase):
    """A database of the release before."""

    def make_engine(self) -> Engine:
        return open_engine(f"sqlite:///{Path(self.mktemp()).absolute()}")

    def setUp(self) -> None:
        engine = self.make_engine()
        self.addCleanup(engine.dispose)
        with engine.execution_options(synnefo_write=True).begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
            _old(connection)
        upgrade(engine)
        self.connection = self.enterContext(engine.connect())
        ensure(self.connection)

    def test_projects_hold_what_they_held(self) -> None:
        """With their limits, whether usual ones or not."""
        found = held(self.connection, "p")
        self.assertEqual(found[VM], Holding(20, 2))
        self.assertEqual(found[TOTAL_CPU], Holding(64, 4))
        self.assertEqual(found[TOTAL_RAM], Holding(-1, 2 * 512 * 2**20))
        self.assertEqual(found[CPU].used, 2)
        self.assertEqual((found[NETWORK].used, found[SUBNET].used), (1, 1))
        self.assertEqual(found[DISKSPACE], Holding(50 * 2**30, 14))

    def test_users_hold_their_servers(self) -> None:
        """And of running ones what running takes."""
        ann = held_by(self.connection, Payer("ann", "p"))
        ben = held_by(self.connection, Payer("ben", "p"))
        self.assertEqual((ann[VM].used, ann[CPU].used), (1, 2))
        self.assertEqual((ben[VM].used, ben[CPU].used), (1, 0))

    def test_servers_know_what_they_hold(self) -> None:
        """By the new names."""
        rows = {row.id: row.reserved for row in self.connection.execute(select(servers))}
        whole = quotas.charges(vcpus=2, ram_mib=512, disk_gib=3, ports=1)
        less = {name: many for name, many in whole.items() if name not in quotas.RUNNING}
        self.assertEqual(rows, {"one": whole, "two": less, "three": {}})

    def test_nothing_is_left_to_fix(self) -> None:
        """Limits and use are as they would be, had it always been so."""
        self.assertEqual(quota_verify(self.connection), [])
        self.assertEqual(reconcile_resources(self.connection, SERVICES), [])


class PostgresqlMigrationTests(MigrationTests):
    """The same on PostgreSQL."""

    def make_engine(self) -> Engine:
        return open_engine(shared_server().new_database())
