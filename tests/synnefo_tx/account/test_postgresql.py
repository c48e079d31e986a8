"""
The account API on PostgreSQL.
"""

from __future__ import annotations

from synnefo_tx.store.memory import immediate_database
from tests.live.postgresql import shared_server
from tests.synnefo_tx.account import test_memberships_api, test_personal
from tests.synnefo_tx.account.project_cloud import ProjectCloud


def postgresql_cloud(test: object) -> ProjectCloud:
    """On a database of its own."""
    return ProjectCloud(test, database=immediate_database(shared_server().new_database()))


class PostgresqlEnsureTests(test_personal.EnsureTests):
    """Personal projects."""

    make_cloud = staticmethod(postgresql_cloud)


class PostgresqlListTests(test_memberships_api.ListTests):
    """Lists of memberships."""

    make_cloud = staticmethod(postgresql_cloud)
