"""
Keys that are rotated while others seal.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from synnefo_tx.identity.keys import load_or_create_keys, promote
from synnefo_tx.identity.rows.delegation_tables import credentials
from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled
from synnefo_tx.openid.rows.tables import keys as signing_keys
from tests.synnefo_tx.admin.cloud import ManageCase


class TokenKeyTests(ManageCase):
    def test_listed_and_rotated(self) -> None:
        before = self.json("key", "list")
        self.assertEqual([one["use"] for one in before], ["next", "seals"])
        self.run_it("key", "rotate", "--yes")
        self.assertEqual(
            [one["use"] for one in self.json("key", "list")], ["next", "opens", "seals"]
        )

    def test_what_root_makes_is_the_directory_s_owner_s(self) -> None:
        """
        As whom the API runs.
        """
        if os.geteuid() != 0:
            self.skipTest("only root gives files away")
        self.run_it("key", "list")
        os.chown(self.keys, 12345, 12346)
        self.run_it("key", "rotate", "--yes")
        staged = (self.keys / "0").stat()
        self.assertEqual((staged.st_uid, staged.st_gid), (12345, 12346))


class CredentialKeyCase(ManageCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.keys.parent / "credential-keys"

    def kept(self, name: str, box: SecretBox | None = None) -> None:
        box = box or self.box()
        row = {"user_id": "u-alice", "type": "cert", "extra": {}}
        self.write(
            lambda connection: connection.execute(
                insert(credentials).values(row | {"id": name, "blob": box.seal(f"of {name}")})
            )
        )

    def box(self) -> SecretBox:
        return SecretBox(load_or_create_keys(self.folder))

    def opened(self) -> list[str]:
        """
        All secrets, by the keys that are there now.
        """
        rows: list[Any] = self.write(
            lambda connection: list(
                connection.execute(select(credentials).order_by(credentials.c.id))
            )
        )
        return [self.box().open(row.blob) for row in rows]

    def rotate(self, **more: Any) -> Any:
        self.age()
        return self.run_it("key", "rotate", "--of", "credentials", "--yes", **more)

    def age(self) -> None:
        """
        As if the last rotation were long ago.
        """
        self.box()
        for path in self.folder.iterdir():
            os.utime(path, (1, 1))


class CredentialKeyTests(CredentialKeyCase):
    def test_no_secret_is_lost_however_often(self) -> None:
        """
        And no more than three keys stay, the first of which is not among them.
        """
        self.kept("a")
        first = self.box().keys[0]
        for number in range(4):
            self.rotate()
            self.kept(f"b{number}")
        self.assertEqual(self.opened(), ["of a", *(f"of b{n}" for n in range(4))])
        self.assertEqual(len(self.box().keys), 3)
        self.assertNotIn(first, self.box().keys)

    def test_the_new_key_alone_opens_all(self) -> None:
        self.kept("a")
        self.rotate()
        [blob] = self.write(
            lambda connection: list(connection.execute(select(credentials.c.blob)).scalars())
        )
        self.assertEqual(SecretBox(self.box().keys[:1]).open(blob), "of a")

    def test_so_are_the_keys_of_id_tokens(self) -> None:
        sealed = self.box().seal("a private key")
        row = {"serial": 1, "kid": "k", "public": "{}", "private": sealed, "signs_from": 1}
        self.write(lambda connection: connection.execute(insert(signing_keys).values(row)))
        self.rotate()
        [found] = self.write(
            lambda connection: list(connection.execute(select(signing_keys.c.private)).scalars())
        )
        self.assertEqual(SecretBox(self.box().keys[:1]).open(found), "a private key")

    def test_what_no_key_opens_keeps_all_keys(self) -> None:
        self.kept("a")
        self.write(
            lambda connection: connection.execute(update(credentials).values(blob="nonsense"))
        )
        for _ in range(3):
            self.assertIn("credential a", self.rotate(status=1).output)
        self.assertEqual(len(self.box().keys), 5)

    def test_a_worker_that_knows_of_no_rotation_yet_loses_nothing(self) -> None:
        """
        It has the keys of before, and seals after all was sealed anew.
        """
        late = self.box()
        self.rotate()
        self.kept("late", late)
        self.rotate()
        self.assertEqual(self.opened(), ["of late"])

    def test_it_has_time_to_learn(self) -> None:
        self.run_it("key", "list", "--of", "credentials")
        promote(self.folder)
        said = self.run_it("key", "rotate", "--of", "credentials", "--yes", status=1)
        self.assertIn("less than 60 s ago", said.output)

    def test_it_is_in_the_audit_log(self) -> None:
        self.rotate()
        self.assertEqual(
            [line.action for line in self.lines()], ["identity:rotate_credential_keys"]
        )

    def test_unlike_keys_open_nothing(self) -> None:
        """
        What the tests above rest on.
        """
        other = SecretBox(load_or_create_keys(Path(self.mktemp())))
        self.assertRaises(SecretGarbled, other.open, self.box().seal("x"))
