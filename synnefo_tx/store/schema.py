"""
Every table of the cloud, and how a database gets them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select

from synnefo_tx.account.rows import tables as _account
from synnefo_tx.audit.rows import tables as _audit
from synnefo_tx.compute.rows import action_tables as _server_actions
from synnefo_tx.compute.rows import tables as _compute
from synnefo_tx.effect.rows import tables as _effect
from synnefo_tx.effect.rows import tasks_tables as _tasks
from synnefo_tx.effect.rows import things_tables as _things
from synnefo_tx.events.rows import tables as _events
from synnefo_tx.identity.rows import attempt_tables as _attempts
from synnefo_tx.identity.rows import catalog_tables as _catalog
from synnefo_tx.identity.rows import delegation_tables as _delegation
from synnefo_tx.identity.rows import recovery_tables as _recovery
from synnefo_tx.identity.rows import tables as _identity
from synnefo_tx.image.rows import tables as _image
from synnefo_tx.network.rows import group_tables as _security_groups
from synnefo_tx.network.rows import tables as _network
from synnefo_tx.openid.rows import tables as _openid
from synnefo_tx.people.external.rows import tables as _external
from synnefo_tx.people.mail import tables as _mail
from synnefo_tx.people.rows import address_tables as _addresses
from synnefo_tx.people.rows import link_tables as _links
from synnefo_tx.people.rows import tables as _people
from synnefo_tx.quota.rows import tables as _quota
from synnefo_tx.quota.rows.resources import ensure
from synnefo_tx.reconcile.rows import tables as _drift
from synnefo_tx.store import leases as _leases
from synnefo_tx.store.metadata import metadata
from synnefo_tx.volume.rows import tables as _volume

UPGRADE_LOCK = 0x53594E4E  # any number that nothing else of ours locks
TABLES = (  # imported to register
    _account,
    _addresses,
    _attempts,
    _audit,
    _catalog,
    _compute,
    _delegation,
    _drift,
    _effect,
    _events,
    _external,
    _identity,
    _image,
    _leases,
    _links,
    _mail,
    _network,
    _openid,
    _people,
    _quota,
    _recovery,
    _security_groups,
    _tasks,
    _things,
    _server_actions,
    _volume,
)


class BrokenReferences(Exception):
    """
    A row that points at one which is not there; the database is as it was before.
    """


def create_all(engine: Engine) -> None:
    """
    All tables at once, and the resources that every start registers, for tests; `upgrade` reaches
    the same schema step by step.
    """
    metadata.create_all(engine)
    with engine.begin() as connection:
        ensure(connection)


def is_current(engine: Engine) -> bool:
    """
    Whether the database has this release's schema.
    """
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(engine: Engine) -> None:
    """
    Bring the database to this release's schema; several processes may try at once.
    """
    if is_current(engine):
        return
    config = _config()
    with (
        engine.connect().execution_options(synnefo_write=True) as connection,
        _tables_may_be_remade(connection),
        connection.begin(),
    ):
        if connection.dialect.name == "postgresql":
            # Held to the end of the transaction; SQLite's BEGIN IMMEDIATE does the same.
            connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise BrokenReferences(broken[0])


@contextmanager
def _tables_may_be_remade(connection: Connection) -> Iterator[None]:
    """
    SQLite changes most of a table by making it anew, and drops no table that others point at;
    this must be said before the transaction begins.

    Source: https://www.sqlite.org/lang_altertable.html, section 7.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
