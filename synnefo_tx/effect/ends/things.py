"""
What follows from the ends of tasks by which clusters come to hold a thing, or no more.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from synnefo_tx.effect.rows import things
from synnefo_tx.effect.tasks import Ended, Kind


def _applied(connection: Connection, ended: Ended) -> None:
    things.applied(connection, ended.task, ended.now_us)


def _not_applied(connection: Connection, ended: Ended) -> None:
    things.not_applied(connection, ended.task, ended.message, ended.now_us)


def _left(connection: Connection, ended: Ended) -> None:
    things.left(connection, ended.task)


def _not_left(connection: Connection, ended: Ended) -> None:
    things.not_left(connection, ended.task, ended.message, ended.now_us)


KINDS: Mapping[str, Kind] = {
    things.APPLY: Kind(on_success=_applied, on_failure=_not_applied),
    things.REMOVE: Kind(on_success=_left, on_failure=_not_left),
}
