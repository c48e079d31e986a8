"""
Every table of the cloud, and how a database gets them.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from synnefo_tx.compute.rows import tables as _compute
from synnefo_tx.effect.rows import tables as _effect
from synnefo_tx.identity.rows import tables as _identity
from synnefo_tx.image.rows import tables as _image
from synnefo_tx.network.rows import tables as _network
from synnefo_tx.quota.rows import tables as _quota
from synnefo_tx.store.metadata import metadata
from synnefo_tx.volume.rows import tables as _volume

TABLES = (_compute, _effect, _identity, _image, _network, _quota, _volume)  # imported to register


def create_all(engine: Engine) -> None:
    """
    All tables at once, for tests; `upgrade` reaches the same schema step by step.
    """
    metadata.create_all(engine)


def upgrade(engine: Engine) -> None:
    """
    Bring the database to this release's schema.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
