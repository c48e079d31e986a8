"""
The account service with projects: carol owns, dave joins, admin answers.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from synnefo_tx.account.api.routes import account_router
from synnefo_tx.account.model import Actor, Doing
from synnefo_tx.account.notices import MemoryNotifier
from synnefo_tx.identity.catalog import Service, own_services
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.identity.rows.effective import roles_on_project
from synnefo_tx.identity.rows.tables import revocations
from tests.synnefo_tx.account.cloud import NOW, AccountCloud, authenticate

END = "2027-01-01T00:00:00"
ADMIN = "u-admin"
ASKED = {
    "name": "lab.example.org",
    "end_date": END,
    "description": "The lab",
    "resources": {"cyclades.vm": {"member_capacity": 2, "project_capacity": 5}},
}


class ProjectCloud(AccountCloud):
    """Alice and bob of the domain "default" apply and join; admin answers."""

    def __init__(self, test: Any, **settings: Any) -> None:
        self.notifier = MemoryNotifier()
        self.looked = 0
        super().__init__(test, **settings)

    def make_router(self) -> Any:
        """With a notifier, and an ear for what ends tokens."""

        def look_again() -> None:
            self.looked += 1

        return account_router(
            self.database,
            authenticate,
            lambda: NOW,
            notifier=self.notifier,
            horizon_s=3600,
            look_again=look_again,
            services=self.services,
        )

    async def services(self, _project_id: str) -> tuple[Service, ...]:
        """What this cloud runs itself."""
        return tuple(own_services())

    def applied(self, user: str = "u-alice", **changes: Any) -> tuple[str, int]:
        """The ids of a new project and of its application."""
        answer = self.call("POST", "/projects", ASKED | changes, user)
        self.test.assertEqual(answer.status, 201, answer.body)
        return answer.json["id"], answer.json["application"]

    def approved(self, user: str = "u-alice", **changes: Any) -> str:
        """The id of a project that is there."""
        project_id, application = self.applied(user, **changes)
        answer = self.act(project_id, "approve", {"app_id": application})
        self.test.assertEqual(answer.status, 200, answer.body)
        return project_id

    def act(self, project_id: str, action: str, data: Any = None, user: str = ADMIN) -> Any:
        """An action on a project."""
        return self.call("POST", f"/projects/{project_id}/action", {action: data or {}}, user)

    def enter(self, what: str, data: dict[str, str], user: str) -> Any:
        """Join or enroll."""
        return self.call("POST", "/projects/memberships", {what: data}, user)

    def joined(self, project_id: str, user: str = "u-bob") -> int:
        """The membership's id."""
        answer = self.enter("join", {"project": project_id}, user)
        self.test.assertEqual(answer.status, 200, answer.body)
        return int(answer.json["id"])

    def member_act(self, number: int, action: str, user: str, reason: str = "") -> Any:
        """An action on a membership."""
        path = f"/projects/memberships/{number}/action"
        return self.call("POST", path, {action: reason}, user)

    def shown(self, project_id: str, user: str = ADMIN) -> Any:
        """The project's view."""
        answer = self.call("GET", f"/projects/{project_id}", user=user)
        self.test.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def member(self, number: int, user: str = ADMIN) -> Any:
        """The membership's view."""
        return self.call("GET", f"/projects/memberships/{number}", user=user).json

    def roles(self, user: str, project_id: str) -> list[str]:
        """Names of the user's roles in effect."""
        with self.database.engine.connect() as connection:
            return [one.name for one in roles_on_project(connection, user, project_id)]

    def home(self, user: str) -> str | None:
        """The user's default project."""
        with self.database.engine.connect() as connection:
            found = find_user(connection, user)
        assert found is not None
        return found.default_project_id

    def revoked(self) -> list[str]:
        """What tokens of which have ended: projects and "user/project"."""
        with self.database.engine.connect() as connection:
            return [row.subject for row in connection.execute(select(revocations))]

    def doing(self, reason: str = "") -> Doing:
        """A change by the administrator."""
        actor = Actor(ADMIN, "default", is_admin=True)
        return Doing(actor, int(NOW * 1e6), 3600, reason, self.notifier)

    def kinds(self) -> list[str]:
        """Of the notices, in their order."""
        return [one.kind for one in self.notifier.notices]
