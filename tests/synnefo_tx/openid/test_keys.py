"""
Keys that sign ID tokens change without anybody noticing.
"""

from __future__ import annotations

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from sqlalchemy import Connection, select
from twisted.internet.defer import Deferred

from synnefo_tx.openid.rows import keys
from synnefo_tx.openid.rows.tables import keys as table
from synnefo_tx.openid.signing import Signer
from tests.synnefo_tx.openid.provider import ISSUER, ProviderCase


def small_key() -> RSAKey:
    """Quickly made; for tests alone."""
    return RSAKey.generate_key(1024, {"use": "sig", "alg": "RS256"}, auto_kid=True)


class KeyTests(ProviderCase):
    def make_key(self) -> RSAKey:
        return small_key()

    def published(self) -> list[str]:
        found = self.http().get(f"{ISSUER}/keys").json()["keys"]
        for key in found:
            self.assertEqual(set(key), {"kty", "n", "e", "kid", "use", "alg"})
        return [key["kid"] for key in found]

    def signed(self) -> Any:
        signer = Signer(
            self.cloud.database, self.cloud.context.secrets, self.cloud.clock, self.make_key
        )
        return self.successResultOf(Deferred.fromCoroutine(signer.sign({"sub": "x"})))

    def test_a_key_is_published_before_it_signs_and_after(self) -> None:
        first = self.signed()
        (old,) = self.published()
        self.cloud.now += keys.ROTATE_S - keys.AHEAD_S
        self.assertEqual(len(self.published()), 2)
        second = self.signed()
        self.assertEqual(self.published()[0], old)
        self.claims(first)
        self.claims(second)
        self.cloud.now += keys.AHEAD_S
        third = self.signed()
        self.assertEqual(len(self.published()), 2)
        self.claims(second)
        self.cloud.now += keys.ROTATE_S  # the old one goes with the next change
        self.published()
        self.assertNotIn(old, self.published())
        self.assertRaises(JoseError, self.claims, second)
        self.claims(third)

    def test_workers_agree(self) -> None:
        """Two that make the first key at once keep one of them."""
        now = int(self.cloud.now)
        signer = Signer(
            self.cloud.database, self.cloud.context.secrets, self.cloud.clock, self.make_key
        )
        made = [self.cloud.write(signer._made, now)[1] for _ in range(2)]
        held = [self.cloud.write(keys.add, one, now) for one in made]
        self.assertEqual([one.kid for one in held[1]], [made[0].kid])
        self.assertEqual(held[0], held[1])

    def test_private_parts_are_sealed(self) -> None:
        self.signed()

        def rows(connection: Connection) -> list[Any]:
            return list(connection.execute(select(table)))

        (row,) = self.cloud.write(rows)
        self.assertNotIn('"d"', row.private + row.public)
