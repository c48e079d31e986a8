"""
An identity service in memory of the test: its accounts, and a client that speaks to it.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from argon2 import PasswordHasher
from attrs import define, field, frozen
from cryptography.fernet import Fernet
from sqlalchemy import Connection
from treq.testing import StubTreq
from twisted.internet.defer import Deferred, execute
from twisted.web.resource import Resource

from synnefo_tx.identity.admission import Everybody, IAdmission
from synnefo_tx.identity.api.routes import identity_context, identity_router
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.catalog import own_services
from synnefo_tx.identity.compliance import SecurityCompliance
from synnefo_tx.identity.follower import IFollower, Nobody
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.rows import accounts, catalog, things
from synnefo_tx.identity.rows.kinds import DOMAIN, PROJECT, USER
from synnefo_tx.identity.rows.projects import change_project
from synnefo_tx.identity.rows.tagged import change_tagged
from synnefo_tx.identity.rows.things import Kind
from synnefo_tx.identity.rows.users import change_user
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.throttle import Throttle
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.store.database import Database, open_engine
from synnefo_tx.store.memory import hasty, immediate_database
from tests.live.postgresql import shared_server

START = 1_800_000_000.0
SECRETS = {"admin": "correct horse", "alice": "battery staple", "bob": "tr0ub4dor"}
_quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # tests log in often
HASHES = {name: _quick.hash(secret) for name, secret in SECRETS.items()}


class QuickPasswords(Passwords):
    """
    Hashes that cost no 30 ms each; `test_passwords` has those that do.
    """

    hash_now = staticmethod(_quick.hash)


PASSWORDS = QuickPasswords(execute)
_CHANGES: dict[str, tuple[Any, Kind]] = {
    "user": (change_user, USER),
    "project": (change_project, PROJECT),
    "domain": (change_tagged, DOMAIN),
}


def fill(connection: Connection) -> None:
    """
    Two domains; admin, alice and bob of the first; projects one (alice, admin) and two (bob).
    """
    catalog.ensure(connection, own_services())
    accounts.create_domain(connection, "default", "Default")
    accounts.create_domain(connection, "other", "Other")
    accounts.create_project(connection, "p1", "default", "one", "The first")
    accounts.create_project(connection, "p2", "default", "two", "")
    accounts.create_project(connection, "p3", "other", "one", "")
    for name in ("admin", "member", "reader"):
        accounts.create_role(connection, f"role-{name}", name)
    accounts.create_user(connection, "u-admin", "default", "admin", HASHES["admin"], "p1")
    accounts.create_user(connection, "u-alice", "default", "alice", HASHES["alice"], "p1")
    accounts.create_user(connection, "u-bob", "default", "bob", HASHES["bob"])
    accounts.assign(connection, "u-admin", "p1", "role-admin")
    accounts.assign(connection, "u-admin", "p1", "role-member")
    accounts.assign(connection, "u-alice", "p1", "role-member")
    accounts.assign(connection, "u-bob", "p2", "role-reader")


@frozen
class Answer:
    """
    An HTTP answer, read to its end.
    """

    code: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        text: str = self.json["error"]["message"]
        return text

    def header(self, name: str) -> str:
        return ", ".join(self.headers.getRawHeaders(name) or [])


@define(slots=False)
class IdentityCloud:
    """
    The service on a clock that the test moves (`now`, seconds).
    """

    case: Any
    database: Database
    keys: list[bytes]
    now: float = START
    refresh_s: float = 1.0
    policy: SecurityCompliance = field(factory=SecurityCompliance)
    limits: tuple[Limits, Limits] = (Limits(10**6, 1), Limits(10**6, 1))  # none to speak of
    follower: IFollower = field(factory=Nobody)
    admission: IAdmission = field(factory=Everybody)

    def __attrs_post_init__(self) -> None:
        self.tokens = TokenBox(self.keys, self.clock, 3600)
        self.authenticator = Authenticator(self.database, self.tokens, self.clock, self.refresh_s)
        self.context = identity_context(
            self.database,
            self.tokens,
            PASSWORDS,
            self.clock,
            self.authenticator,
            SecretBox(self.keys),
            self.policy,
            Throttle(self.clock, *self.limits),
            self.follower,
            admission=self.admission,
        )
        self.router = identity_router(self.context, None)
        root = Resource()
        root.putChild(b"identity", self.router.resource())
        self.treq = StubTreq(root)

    def clock(self) -> float:
        return self.now

    def ask(self, method: str, path: str, token: str = "", body: Any = None, **more: Any) -> Answer:
        """
        One request.  body: JSON, or bytes as they are.  headers: further ones.
        """
        headers = dict(more.get("headers", {}))
        if token:
            headers["X-Auth-Token"] = token
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        asked = self.treq.request(
            method,
            f"http://cloud.test/identity{path}",
            headers=headers,
            data=data,
            allow_redirects=False,
        )
        response = self.case.successResultOf(asked)
        self.treq.flush()
        return Answer(
            response.code, response.headers, self.case.successResultOf(response.content())
        )

    def login(self, name: str, scope: Any = None, **more: Any) -> Answer:
        """
        Log in by name and password.
        """
        user = {"name": name, "domain": {"id": "default"}, "password": SECRETS.get(name, "?")}
        return self.authenticate(password={"user": user | more}, scope=scope)

    def authenticate(self, scope: Any = None, query: str = "", **methods: Any) -> Answer:
        auth: dict[str, Any] = {"identity": {"methods": list(methods), **methods}}
        if scope is not None:
            auth["scope"] = scope
        return self.ask("POST", f"/v3/auth/tokens{query}", body={"auth": auth})

    def token(self, name: str, scope: Any = None) -> str:
        answer = self.login(name, scope)
        assert answer.code == 201, answer.body
        return answer.header("X-Subject-Token")

    def disable(self, kind: str, thing_id: str) -> None:
        """
        Disable a "user", "project" or "domain", as another worker would.
        """
        self.change(kind, thing_id, {"enabled": False})

    def change(self, kind: str, thing_id: str, changes: dict[str, Any]) -> None:
        """
        Change a "user", "project" or "domain", as another worker would.
        """
        unit, of_kind = _CHANGES[kind]
        before = self.write(things.fetch, of_kind, thing_id)
        self.write(unit, of_kind, before, changes, int(self.now), self.tokens.horizon_s)

    def write(self, unit: Any, *args: Any) -> Any:
        return self.case.successResultOf(Deferred.fromCoroutine(self.database.write(unit, *args)))


POSTGRESQL = "SYNNEFO_TEST_POSTGRESQL"  # set: every case runs on PostgreSQL, not on SQLite
_filled: list[bytes] = []  # a database with the accounts of `fill`, made once


def identity_cloud(case: Any, **more: Any) -> IdentityCloud:
    """
    A service with the accounts of `fill`, for the test `case`; on PostgreSQL if the case says so
    (`on_postgresql`) or the environment.
    """
    wanted = getattr(case, "on_postgresql", False) or POSTGRESQL in os.environ
    engine = hasty(open_engine(_in_server(case) if wanted else _in_file(case)))
    case.addCleanup(engine.dispose)
    database = Database(engine, execute, execute)
    return IdentityCloud(case, database, [Fernet.generate_key()], **more)


def _in_file(case: Any) -> str:
    path = Path(case.mktemp())
    if not _filled:
        _fill_at(path)
        _filled.append(path.read_bytes())
    path.write_bytes(_filled[0])
    return f"sqlite:///{path}"


def _in_server(case: Any) -> str:
    server = shared_server()
    url = server.new_database(_filled_in_server())
    case.addCleanup(server.drop_database, url)
    return url


@cache
def _filled_in_server() -> str:
    return _fill_at(shared_server().new_database())


T = TypeVar("T", Path, str)


def _fill_at(where: T) -> T:
    first = immediate_database(where)
    with first.engine.begin() as connection:
        fill(connection)
    first.engine.dispose()  # closing the last connection empties SQLite's write-ahead log
    return where
