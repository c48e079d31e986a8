"""
`synnefo-manage` on PostgreSQL.
"""

from __future__ import annotations

from pathlib import Path

from tests.live.postgresql import shared_server
from tests.synnefo_tx.admin import test_control, test_keys, test_limits, test_manage


class OnPostgresql:
    """
    Before a test case, takes the place of its database.
    """

    def database_url(self, home: Path) -> str:
        return shared_server().new_database()


class PostgresqlAccountTests(OnPostgresql, test_manage.AccountTests):
    pass


class PostgresqlQuotaTests(OnPostgresql, test_manage.QuotaTests):
    pass


class PostgresqlLimitTests(OnPostgresql, test_limits.LimitTests):
    pass


class PostgresqlControlTests(OnPostgresql, test_control.ControlTests):
    pass


class PostgresqlCredentialKeyTests(OnPostgresql, test_keys.CredentialKeyCase):
    test_no_secret_is_lost = test_keys.CredentialKeyTests.test_no_secret_is_lost_however_often
