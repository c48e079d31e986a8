"""
Of many who show the same code or refresh token at once, one gets something, and then nobody has it.
"""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Connection
from twisted.internet.defer import execute

from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.kinds import USER
from synnefo_tx.identity.rows.users import change_user
from synnefo_tx.openid.model import Issued, Session, Wish
from synnefo_tx.openid.rows import consents, grants, sessions, tokens
from synnefo_tx.openid.rows.clients import CLIENT
from synnefo_tx.openid.rows.grants import Exchange, Stolen
from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.schema import create_all
from tests.live.postgresql import shared_server
from tests.synnefo_tx.identity.cloud import IdentityCloud, fill
from tests.synnefo_tx.migrated import migrated_in_server
from tests.synnefo_tx.openid.provider import ProviderCase
from tests.synnefo_tx.racing import RaceCase

URI = "https://app.example/"
WISH = Wish("c", URI, ("openid", "offline_access"), challenge="x" * 43)
MANY = 6


class RaceTests(RaceCase):
    def setUp(self) -> None:
        super().setUp()
        client = {"id": "c", "name": "c", "redirect_uris": [URI], "scopes": [], "created_at": 0}
        client |= {
            "auth_method": "none",
            "may_introspect": False,
            "trusted": False,
            "enabled": True,
        }
        self.run_in(things.create, CLIENT, client)
        self.session: Session = self.run_in(sessions.begin, "s", "u-alice", ("password",), 1)
        self.code: str = self.run_in(grants.make_code, self.session, WISH, 1)

    def one_then_none(self, got: list[Any]) -> None:
        issued = [one for one in got if isinstance(one, Issued)]
        self.assertEqual(len(issued), 1, got)
        others = [one for one in got if not isinstance(one, Issued)]
        self.assertTrue(all(one is None or isinstance(one, Stolen) for one in others), got)
        self.assertTrue(any(isinstance(one, Stolen) for one in others))
        self.assertIsNone(self.run_in(tokens.held, issued[0].access, 2))

    def test_a_code(self) -> None:
        job = (grants.exchange, Exchange(self.code, "c", URI, "x" * 43), 2)
        self.one_then_none(self.at_once(*[job] * MANY))

    def test_a_refresh_token(self) -> None:
        first = self.run_in(grants.exchange, Exchange(self.code, "c", URI, "x" * 43), 2)
        self.one_then_none(self.at_once(*[(grants.refresh, first.refresh, "c", None, 2)] * MANY))

    def test_consents(self) -> None:
        jobs = [(consents.give, "u-alice", "c", [scope], 1) for scope in ("openid", "email") * 3]
        self.assertEqual(self.at_once(*jobs), [None] * len(jobs))

    def test_a_user_who_is_disabled_meanwhile(self) -> None:
        """Whatever comes first: no token is left that being enabled again would bring back."""
        user = self.run_in(things.fetch, USER, "u-alice")
        off = (change_user, USER, user, {"enabled": False}, 2, 1000)
        exchange = (grants.exchange, Exchange(self.code, "c", URI, "x" * 43), 2)
        make = (grants.make_code, self.session, WISH, 2)
        got = self.at_once(exchange, off, make, make)
        after = self.run_in(things.fetch, USER, "u-alice")
        self.assertFalse(after["enabled"], got)
        self.run_in(change_user, USER, after, {"enabled": True}, 3, 1000)

        def left(connection: Connection) -> int:
            return len(connection.execute(grants.grants.select()).all())

        self.assertEqual(self.run_in(left), 0, got)


class PostgresqlRaceTests(RaceTests):
    """With real writers beside each other."""

    def make_url(self) -> str:
        return migrated_in_server()


class PostgresqlJourneyTests(ProviderCase):
    """A whole journey on PostgreSQL."""

    def make_cloud(self) -> IdentityCloud:
        engine = open_engine(shared_server().new_database())
        self.addCleanup(engine.dispose)
        create_all(engine)
        with engine.begin() as connection:
            fill(connection)
        return IdentityCloud(self, Database(engine, execute, execute), [Fernet.generate_key()])

    def test_from_log_in_to_the_end_of_the_user(self) -> None:
        got = self.tokens()
        self.assertEqual(self.claims(got["id_token"])["sub"], "u-alice")
        form = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
        again = self.post("token", **form).json()
        self.assertEqual(self.userinfo(again["access_token"]).json()["name"], "alice")
        self.assertTrue(self.post("introspect", token=again["access_token"]).json()["active"])
        self.cloud.disable("user", "u-alice")
        self.cloud.change("user", "u-alice", {"enabled": True})
        self.assertEqual(self.userinfo(again["access_token"]).status_code, 401)
