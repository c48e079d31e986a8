"""
Who makes a request, and whether they may.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from attrs import field, frozen

from ganetid.rapi.attempts import Attempts, source_of
from ganetid.rapi.faults import Fault
from ganetid.rapi.rights import Rights, rights_of
from ganetid.rapi.tokens import TokenFile
from ganetid.rapi.users import Users, basic_credentials

BEARER = "bearer"


@frozen
class Caller:
    """Who makes a request.  token: the id of the token that says so, if one does."""

    name: str
    rights: Rights
    token: str | None = None
    address: str = ""

    @property
    def label(self) -> str:
        """How a job remembers who wanted it."""
        who = self.name if self.token is None else f"{self.name} (token {self.token})"
        return f"{who} from {self.address}" if self.address else who


@frozen
class Gate:
    """
    Checks credentials.

    needs_user: reads too need one.  now: seconds since the epoch.
    """

    users: Users
    now: Callable[[], float]
    tokens: TokenFile | None = None
    needs_user: bool = False
    attempts: Attempts = field(factory=Attempts)

    def let_in(
        self, header: str | None, address: str, access: frozenset[str], permission: str
    ) -> Caller | None:
        """
        The caller, None for nobody in particular.  header: Authorization.

        Raises Fault 401 without valid credentials where they are needed, 403 without the right,
        429 for an address that has been wrong too often.
        """
        if header is None:
            if access or self.needs_user:
                raise Fault(401)
            return None
        caller = self._known(header, address)
        if not caller.rights.allow(access, permission):
            raise Fault(403)
        return caller

    def _known(self, header: str, address: str) -> Caller:
        now, source = self.now(), source_of(address)
        wait_s = self.attempts.wait_s(source, now)
        if wait_s:
            raise Fault(429, "Too many wrong passwords", {"retry-after": str(math.ceil(wait_s))})
        caller = self._caller(header, address, now)
        if caller is None:
            self.attempts.failed(source, now)
            raise Fault(401)
        return caller

    def _caller(self, header: str, address: str, now: float) -> Caller | None:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == BEARER:
            record = self.tokens.record_of(rest.strip(), now) if self.tokens else None
            if record is None:
                return None
            return Caller(record.user, rights_of(record.rights), record.id, address)
        credentials = basic_credentials(header)
        if credentials is None:
            return None
        user = self.users.user_of(*credentials)
        return None if user is None else Caller(user.name, rights_of(user.rights), None, address)
