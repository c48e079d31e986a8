"""
ID tokens, signed with the key of the day, and the keys by which clients check them.

RS256 because every client has to know it (OpenID Connect Core 15.1).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import define
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import Connection

from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.openid.rows import keys
from synnefo_tx.openid.rows.keys import Key
from synnefo_tx.store.database import Database

ALGORITHM = "RS256"
BITS = 2048
MakeKey = Callable[[], RSAKey]


def new_key() -> RSAKey:
    """
    A fresh key.  Takes a tenth of a second or more.
    """
    return RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)


@define
class Signer:
    """
    clock: seconds since the epoch.  make_key: runs in a database thread.
    """

    _database: Database
    _secrets: SecretBox
    _clock: Callable[[], float]
    _make_key: MakeKey = new_key

    async def key_set(self) -> dict[str, Any]:
        """
        What is published: JWKS.
        """
        return {"keys": [json.loads(key.public) for key in await self._keys()]}

    async def sign(self, claims: dict[str, Any]) -> str:
        """
        A signed token with these claims.
        """
        key = keys.signing(await self._keys(), int(self._clock()))
        private = RSAKey.import_key(json.loads(self._secrets.open(key.private)))
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, private)

    async def _keys(self) -> tuple[Key, ...]:
        """
        All keys, a new one made when it is time.
        """
        now = int(self._clock())
        held, made = await self._database.read(self._made, now)
        if made is None:
            return held
        return await self._database.write(keys.add, made, now)

    def _made(self, connection: Connection, now: int) -> tuple[tuple[Key, ...], Key | None]:
        held = keys.published(connection)
        serial = keys.next_serial(held, now)
        if serial is None:
            return held, None
        key = self._make_key()
        public = key.as_dict(private=False) | {"use": "sig", "alg": ALGORITHM}
        private = self._secrets.seal(json.dumps(key.as_dict(private=True)))
        signs_from = now + keys.AHEAD_S if held else now
        return held, Key(serial, str(key.kid), json.dumps(public), private, signs_from)
