"""
A few of the API's tests on PostgreSQL, with every run.  All of them run there when
SYNNEFO_TEST_POSTGRESQL is set.
"""

from __future__ import annotations

from tests.synnefo_tx.identity import test_effective_lists as lists
from tests.synnefo_tx.identity import test_grants_api as grants
from tests.synnefo_tx.identity import test_groups_api as groups
from tests.synnefo_tx.identity import test_users_api as users


class PostgresqlListTests(lists.EffectiveTests):
    on_postgresql = True


class PostgresqlImpliedTests(grants.ImpliedTests):
    on_postgresql = True


class PostgresqlMemberTests(groups.MemberTests):
    on_postgresql = True


class PostgresqlUserTests(users.UserTests):
    on_postgresql = True
