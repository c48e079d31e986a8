"""
What one process does for all, from time to time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.account.notices import MemoryNotifier
from synnefo_tx.account.rows.tables import account_projects
from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.compute.rows.action_tables import server_action_events, server_actions
from synnefo_tx.compute.rows.tables import servers
from synnefo_tx.effect.rows.tasks_tables import tasks
from synnefo_tx.events.rows.feed import Event, append
from synnefo_tx.events.rows.tables import feed, webhooks
from synnefo_tx.identity.rows.attempt_tables import wrong_log_ins
from synnefo_tx.identity.rows.delegation_tables import trusts
from synnefo_tx.identity.rows.tables import projects, revocations
from synnefo_tx.openid.rows.tables import clients, codes, grants, sessions, tokens
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.processes.chores import EVERY_S, LEASE_S, SELDOM_S, Chores
from synnefo_tx.quota.registered import VM
from synnefo_tx.quota.rows.tables import quota_limits
from tests.synnefo_tx import a_server
from tests.synnefo_tx.account.project_cloud import ProjectCloud

LONG_AGO = 1000
DAY_S = 24 * 3600


def task(name: str, ended_at: int | None) -> dict[str, Any]:
    """
    A row.
    """
    texts = {"id": name, "kind": "server.resize", "target": name, "state": "done"}
    return texts | {"steps": [], "step": 0, "context": {}, "created_at": 1, "ended_at": ended_at}


def webhook(project_id: str) -> dict[str, Any]:
    """
    A row.
    """
    texts = {
        "id": project_id,
        "project_id": project_id,
        "url": "x",
        "secret": "s",
        "place": "0.0.0",
    }
    return texts | {"kinds": [], "failures": 0, "created_at": 1}


class ChoresCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)
        self.clock = Clock()
        self.clock.advance(1_900_000_000)
        self.notifier = MemoryNotifier()

    def chores(self) -> Chores:
        return Chores(
            self.cloud.database,
            self.clock.seconds,
            3600,
            cloud_follower(True),
            self.notifier,
            self.clock,
        )

    def do(self, unit: Any, *args: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.cloud.database.write(unit, *args)))

    def run_sql(self, statement: Any) -> Any:
        return self.do(lambda connection: connection.execute(statement))

    def rows(self, table: Any) -> list[Any]:
        return self.do(lambda connection: list(connection.execute(select(table))))  # type: ignore[no-any-return]

    def once(self, chores: Chores | None = None) -> None:
        self.successResultOf(Deferred.fromCoroutine((chores or self.chores()).once()))


class ProjectsEndTests(ChoresCase):
    def over(self) -> str:
        """
        A project whose time is over.
        """
        project_id = self.cloud.approved()
        self.run_sql(
            update(account_projects)
            .where(account_projects.c.id == project_id)
            .values(end_at=int(self.clock.seconds() * 1e6))
        )
        return project_id

    def state(self, project_id: str) -> str:
        [row] = [row for row in self.rows(account_projects) if row.id == project_id]
        return str(row.state)

    def test_a_project_ends_with_its_time(self) -> None:
        """
        It is terminated, Keystone's project is off, people are told, and it is in the log.
        """
        project_id = self.over()
        self.once()
        self.assertEqual(self.state(project_id), "terminated")
        [keystones] = [row for row in self.rows(projects) if row.id == project_id]
        self.assertFalse(keystones.enabled)
        self.assertEqual([n.kind for n in self.notifier.notices], ["project-terminated"])
        line = self.rows(audit_log)[-1]
        self.assertEqual(
            (line.action, line.target_id, line.user_id),
            ("account:terminate_project", project_id, "synnefo-api"),
        )

    def test_others_go_on(self) -> None:
        project_id = self.over()
        self.run_sql(
            update(account_projects)
            .where(account_projects.c.id == project_id)
            .values(end_at=int(self.clock.seconds() * 1e6) + 1_000_000)
        )
        self.once()
        self.assertEqual(self.state(project_id), "active")

    def test_one_that_fails_keeps_no_other(self) -> None:
        broken, sound = self.over(), self.over_named("second.example.org")
        self.run_sql(delete(projects).where(projects.c.id == broken))
        self.once()
        self.assertEqual(self.state(sound), "terminated")
        self.flushLoggedErrors()

    def over_named(self, name: str) -> str:
        project_id = self.cloud.approved(name=name)
        self.run_sql(
            update(account_projects)
            .where(account_projects.c.id == project_id)
            .values(end_at=int(self.clock.seconds() * 1e6))
        )
        return project_id


class RowsGoTests(ChoresCase):
    """
    What is good for nothing any more goes, and nothing else.
    """

    def test_revocations(self) -> None:
        now = int(self.clock.seconds())
        row = {"kind": "user", "subject": "u", "issued_before": 1}
        before = len(self.rows(revocations))
        self.run_sql(
            insert(revocations).values(
                [
                    row | {"serial": 10**6 + n, "expires_at": at}
                    for n, at in enumerate((now - 1, now))
                ]
            )
        )
        self.assertEqual(len(self.rows(revocations)), before + 2)
        self.once()
        serials = {one.serial for one in self.rows(revocations)}
        self.assertNotIn(10**6, serials)
        self.assertIn(10**6 + 1, serials)

    def test_events(self) -> None:
        now_us = int(self.clock.seconds() * 1e6)
        for at_us in (now_us - 2 * DAY_S * 1_000_000, now_us):
            told = Event(project_id="p", kind="server", thing_id="s", name="created")
            self.do(append, told, at_us)
        self.once()
        self.assertEqual([row.at for row in self.rows(feed)], [now_us])

    def test_wrong_log_ins(self) -> None:
        now_ms = int(self.clock.seconds()) * 1000
        rows = [
            {"mark": "old", "failures": 3, "at_ms": now_ms - 15 * 60_000 - 1},
            {"mark": "new", "failures": 3, "at_ms": now_ms - 15 * 60_000},
        ]
        self.run_sql(insert(wrong_log_ins).values(rows))
        self.once()
        self.assertEqual([row.mark for row in self.rows(wrong_log_ins)], ["new"])

    def test_trusts(self) -> None:
        """
        Those that ended a month ago, and what handed them on.
        """
        now = int(self.clock.seconds())
        usual = {
            "trustor_user_id": "u-alice",
            "trustee_user_id": "u-bob",
            "impersonation": False,
            "redelegation_count": 0,
            "extra": {},
        }
        made = [
            ("old", now - 30 * DAY_S - 2, None),
            ("below", now - 30 * DAY_S - 3, "old"),
            ("ended", now - DAY_S, None),
            ("lasting", None, None),
        ]
        for trust_id, ends, above in made:
            values = {"id": trust_id, "expires_at": ends, "redelegated_trust_id": above}
            self.run_sql(insert(trusts).values(usual | values))
        self.once()
        self.assertEqual({row.id for row in self.rows(trusts)}, {"ended", "lasting"})

    def test_what_the_provider_gave(self) -> None:
        now = int(self.clock.seconds())
        self.run_sql(
            insert(clients).values(
                id="c",
                name="c",
                redirect_uris=[],
                scopes=[],
                auth_method="none",
                may_introspect=False,
                trusted=False,
                enabled=True,
                created_at=1,
            )
        )
        usual = {"user_id": "u-alice", "methods": [], "logged_in_at": LONG_AGO}
        for name, ends in (("over", now), ("live", now + 1)):
            self.run_sql(insert(sessions).values(usual | {"digest": name, "expires_at": ends}))
        # of each grant: until when its code and its token are good
        made = {
            "over": (now, now - DAY_S, None),
            "asked": (now + DAY_S, now, None),
            "used": (now + DAY_S, now - DAY_S, now + 1),
            "empty": (now + DAY_S, now - DAY_S, now),
        }
        for name, (ends, code, token) in made.items():
            more = {"id": name, "client_id": "c", "scopes": [], "expires_at": ends}
            self.run_sql(insert(grants).values(usual | more))
            self.run_sql(
                insert(codes).values(
                    digest=name, grant_id=name, redirect_uri="x", used=False, expires_at=code
                )
            )
            if token is not None:
                self.run_sql(
                    insert(tokens).values(
                        digest=name,
                        kind="access",
                        grant_id=name,
                        scopes=[],
                        used=False,
                        issued_at=1,
                        expires_at=token,
                    )
                )
        self.once()
        self.assertEqual({row.digest for row in self.rows(sessions)}, {"live"})
        self.assertEqual({row.id for row in self.rows(grants)}, {"asked", "used"})
        self.assertEqual({row.digest for row in self.rows(tokens)}, {"used"})


class SeldomTests(ChoresCase):
    def limits(self) -> list[str]:
        return [row.holder for row in self.rows(quota_limits) if row.holder == "project:gone"]

    def left(self) -> None:
        row = {"holder": "project:gone", "source": "", "resource": VM, "limit": 5}
        self.run_sql(insert(quota_limits).values(row))

    def test_what_was_done_long_ago(self) -> None:
        """
        Tasks that have ended, what was done to servers that are gone, webhooks of nobody.
        """
        now_us = int(self.clock.seconds() * 1e6)
        long_ago = now_us - 40 * DAY_S * 1_000_000
        self.do(a_server.stand)
        for name, deleted_at in (("old", long_ago), ("late", now_us), ("there", None)):
            self.do(a_server.begin_server, name, len(name))
            self.run_sql(update(servers).where(servers.c.id == name).values(deleted_at=deleted_at))
            done = {"server_id": name, "request_id": "r", "started_at": long_ago}
            who = {"action": "stop", "user_id": "u", "project_id": "p", "updated_at": long_ago}
            self.run_sql(insert(server_actions).values(done | who))
            self.run_sql(insert(server_action_events).values(done | {"event": "compute_stop"}))
            self.run_sql(insert(tasks).values(task(name, deleted_at)))
        for project in ("p1", "nobodys"):
            self.run_sql(insert(webhooks).values(webhook(project)))
        self.once()
        left = {row.server_id for row in self.rows(server_actions)}
        self.assertEqual(left, {"late", "there"})
        self.assertEqual({row.server_id for row in self.rows(server_action_events)}, left)
        mine = {row.id for row in self.rows(tasks)} & {"old", "late", "there"}
        self.assertEqual(mine, left)
        self.assertEqual([row.project_id for row in self.rows(webhooks)], ["p1"])

    def test_limits_of_who_is_gone_go_within_the_hour(self) -> None:
        chores = self.chores()
        self.left()
        self.once(chores)
        self.assertEqual(self.limits(), [])
        self.left()
        self.clock.advance(SELDOM_S - 1)
        self.once(chores)
        self.assertEqual(len(self.limits()), 1)
        self.clock.advance(1)
        self.once(chores)
        self.assertEqual(self.limits(), [])


class OneDoesThemTests(ChoresCase):
    def mark(self) -> None:
        self.run_sql(insert(wrong_log_ins).values(mark="m", failures=1, at_ms=1))

    def test_one_of_two(self) -> None:
        """
        And the other once the first is silent for long enough.
        """
        first, second = self.chores(), self.chores()
        self.once(first)
        self.mark()
        self.once(second)
        self.assertEqual(len(self.rows(wrong_log_ins)), 1)
        self.clock.advance(LEASE_S)
        self.once(second)
        self.assertEqual(self.rows(wrong_log_ins), [])

    def test_again_and_again_and_no_more(self) -> None:
        """
        A stop gives them to another at once.
        """
        first = self.chores()
        first.start()
        self.mark()
        self.clock.advance(EVERY_S)
        self.assertEqual(self.rows(wrong_log_ins), [])
        self.successResultOf(Deferred.fromCoroutine(first.stop()))
        self.mark()
        self.clock.advance(EVERY_S)
        self.assertEqual(len(self.rows(wrong_log_ins)), 1)
        self.once(self.chores())
        self.assertEqual(self.rows(wrong_log_ins), [])
