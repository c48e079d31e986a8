"""
What projects' applications use, for `reconcile_resources`.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, func, select

from synnefo_tx.account.model import ApplicationState
from synnefo_tx.account.rows.tables import project_applications
from synnefo_tx.quota.model import Key, Payer
from synnefo_tx.quota.registered import PENDING_APP
from synnefo_tx.quota.rows.verify import Census


def count(connection: Connection) -> Counter[Key]:
    """
    Applications that wait for an answer, by who made them.
    """
    c = project_applications.c
    waiting = select(c.applicant_id, func.count().label("many")).where(
        c.state == ApplicationState.PENDING
    )
    used: Counter[Key] = Counter()
    for row in connection.execute(waiting.group_by(c.applicant_id)):
        for key in Payer(row.applicant_id, row.applicant_id).keys(PENDING_APP):
            used[key] += row.many
    return used


CENSUS = Census(frozenset({PENDING_APP}), count)
