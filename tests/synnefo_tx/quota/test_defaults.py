"""
Defaults, of projects and of those that are somebody's personal one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.identity.rows import accounts
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import PENDING_APP, VM
from synnefo_tx.quota.rows.defaults import change_defaults, defaults_of
from synnefo_tx.quota.rows.holdings import held, take
from synnefo_tx.store.memory import immediate_database


class DefaultTests(SynchronousTestCase):
    """`u` is a user, whose personal project has the same id."""

    def setUp(self) -> None:
        self.database = immediate_database(Path(self.mktemp()))
        self.addCleanup(self.database.engine.dispose)
        self.write(accounts.create_domain, "default", "Default")
        self.write(accounts.create_user, "u", "default", "u", "hash")

    def write(self, unit: Any, *args: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *args)))

    def limits(self, name: str) -> list[int]:
        """Of any project, of the personal one, and what that one really has."""
        found = [self.write(defaults_of, [name], one)[name].limit for one in ("", "u")]
        return [*found, self.write(held, "u", [name])[name].limit]

    def test_personal_projects_have_their_own(self) -> None:
        """They keep it when the others' changes."""
        self.assertEqual(self.limits(PENDING_APP), [0, 3, 3])
        self.write(change_defaults, {PENDING_APP: 1})
        self.assertEqual(self.limits(PENDING_APP), [1, 3, 3])

    def test_personal_projects_that_had_the_same(self) -> None:
        """Have the same from then on, those too that use something."""
        self.write(take, Payer("u", "u"), {VM: 1})
        self.write(change_defaults, {VM: 5})
        self.assertEqual(self.limits(VM), [5, 5, 5])

    def test_an_unknown_resource(self) -> None:
        """Is a defect."""
        failed = Deferred.fromCoroutine(self.database.write(change_defaults, {"pots": 5}))
        self.failureResultOf(failed, KeyError)
