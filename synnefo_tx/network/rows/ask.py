"""
What units of work on networks are told of the request.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from sqlalchemy import Connection

from synnefo_tx.identity.caller import Caller
from synnefo_tx.network import errors
from synnefo_tx.network.rules.quotas import NEUTRON
from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.rows import holdings

_NAMES = {resource: name for name, resource in NEUTRON.items()}


@frozen
class Ask:
    """
    project_id: for which things are made.  now_us: microseconds since the epoch.
    """

    caller: Caller
    project_id: str
    now_us: int
    request_id: str = ""


def charge(connection: Connection, project_id: str, amounts: Mapping[str, int]) -> None:
    """
    The project pays.  Raises OverQuota in Neutron's words.
    """
    try:
        holdings.take(connection, Payer("", project_id), amounts)
    except Exceeded as error:
        raise errors.OverQuota(_NAMES[error.resource]) from error


def give_back(connection: Connection, project_id: str, amounts: Mapping[str, int]) -> None:
    """
    What it paid returns.
    """
    holdings.give_back(connection, Payer("", project_id), amounts)
