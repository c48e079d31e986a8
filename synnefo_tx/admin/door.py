"""
The cloud as its administrator's command reaches it: by the identity API itself, within this
process and without a socket, and by units of work on its database.

So rules, checks of bodies and the audit log are those of the API; the line there says
"manage:<user of this machine>".
"""

from __future__ import annotations

import getpass
import json
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

from attrs import frozen
from treq.testing import StubTreq
from twisted.internet.defer import Deferred, execute
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from synnefo_tx.admin.failures import NOT_FOUND, REFUSED, UNUSABLE, WRONG_INPUT, Failed, told
from synnefo_tx.admin.which_cloud import settings_of
from synnefo_tx.audit.entry import Entry
from synnefo_tx.audit.rows.log import append
from synnefo_tx.daemon.settings import SettingsError
from synnefo_tx.identity.api.routes import identity_context, identity_router
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.keys import UnsafeKey, load_or_create_keys
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.token import Token
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.processes.settings import ApiSettings
from synnefo_tx.store.database import Database, open_engine

P = ParamSpec("P")
T = TypeVar("T")


class _Administrator(Authenticator):
    """
    Whoever may read the settings of the API is the administrator.
    """

    who: str

    async def check(self, text: str, window_s: int = 0) -> Token:
        now = int(time.time())
        return Token(
            user_id=self.who,
            user_name=self.who,
            user_domain_id="default",
            project_id="",
            project_name="",
            project_domain_id="",
            roles=("admin",),
            methods=(),
            issued_at=now,
            expires_at=now + 60,
            audit_id="",
            system=True,
        )


@frozen(eq=False)
class Door:
    """
    Everything waits in the calling thread.  who: as the audit log names us.  horizon_s: how long
    tokens live that may have to end.
    """

    settings: ApiSettings
    database: Database
    who: str
    horizon_s: int
    _treq: Any

    def ask(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> Any:
        """
        The answer's body, decoded; None when it has none.  Raises Failed.

        path: below /v3.  query: without what is None.
        """
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"http://localhost/identity/v3{path}" + (f"?{urlencode(wanted)}" if wanted else "")
        headers = {"X-Auth-Token": "administrator", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = self._treq.request(method, url, headers=headers, data=data)
        self._treq.flush()
        response = value_of(asked)
        content = response.content()
        self._treq.flush()
        text = value_of(content)
        if response.code >= 400:
            raise _failed(response.code, text)
        return json.loads(text) if text else None

    def read(self, unit: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        The unit's value.  Raises Failed.
        """
        with told():
            return value_of(Deferred.fromCoroutine(self.database.read(unit, *args, **kwargs)))  # type: ignore[no-any-return]

    def look(self, unit: Callable[..., T], *args: Any) -> T:
        """
        What a unit that takes locks finds; whatever it writes is undone.  Raises Failed.
        """
        with (
            told(),
            self.database.engine.connect().execution_options(synnefo_write=True) as connection,
        ):
            return unit(connection, *args)

    def write(
        self,
        entry: Entry,
        unit: Callable[Concatenate[Any, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """
        The unit's value, once it and its line of the audit log are committed.  Raises Failed.
        """

        def both(connection: Any) -> T:
            value = unit(connection, *args, **kwargs)
            append(connection, entry, self.now_us())
            return value

        return self.change(both)

    def change(
        self, unit: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """
        The same of a unit that writes its own line.
        """
        with told():
            return value_of(Deferred.fromCoroutine(self.database.write(unit, *args, **kwargs)))  # type: ignore[no-any-return]

    def entry(self, action: str, kind: str, thing_id: str, **details: Any) -> Entry:
        """
        The line that tells what this command does.
        """
        return Entry(
            action=action,
            target_kind=kind,
            target_id=thing_id,
            user_id=self.who,
            address="local",
            request_id=f"req-{uuid.uuid4()}",
            details=details,
        )

    @staticmethod
    def now_us() -> int:
        """
        Microseconds since the epoch.
        """
        return int(time.time() * 1e6)


def open_door(config: str | None) -> Door:
    """
    To the cloud whose API has these settings; None: to that of this machine.  Raises Failed.
    """
    try:
        settings = settings_of(config)
        keys = load_or_create_keys(Path(settings.token_keys))
        secrets = load_or_create_keys(settings.secret_keys_directory)
    except (SettingsError, UnsafeKey, OSError) as error:
        raise Failed(str(error), UNUSABLE) from error
    database = Database(open_engine(settings.database_url), execute, execute)
    who = f"manage:{getpass.getuser()}"[:64]
    tokens = TokenBox(keys, time.time, settings.token_lifetime_s)
    administrator = _Administrator(database, tokens, time.time)
    administrator.who = who
    context = identity_context(
        database,
        tokens,
        Passwords(execute),
        time.time,
        administrator,
        SecretBox(secrets),
        settings.security_compliance,
        follower=cloud_follower(settings.personal_projects),
    )
    root = Resource()
    router = identity_router(context, None)
    root.putChild(router.prefix.encode(), router.resource())
    return Door(settings, database, who, tokens.horizon_s, StubTreq(root))


def value_of(waiting: Any) -> Any:
    """
    What a Deferred has: nothing here waits for a reactor.  Raises what it failed with.
    """
    found: list[Any] = []
    waiting.addBoth(found.append)
    [value] = found
    if isinstance(value, Failure):
        value.raiseException()
    return value


def _failed(code: int, text: bytes) -> Failed:
    try:
        message = str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"status {code}"
    return Failed(message, {400: WRONG_INPUT, 404: NOT_FOUND}.get(code, REFUSED))
