"""
/os-keypairs.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.compute.cloud import ADMIN, BASE, BOB, Cloud

# ssh-keygen -t ed25519; the print is what `ssh-keygen -l -E md5` says of it.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJwQCaqn8BNSZfuOxU7kBX6mmZFC0qeQ494NVw5GG9Gy somebody"


class KeypairTests(SynchronousTestCase):
    """
    Key pairs are their users', in every project.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def _create(self, version: str | None = None, **fields: Any) -> Any:
        return self.cloud.nova("POST", "/os-keypairs", {"keypair": fields}, version=version)

    def test_generated(self) -> None:
        """The private half fits the public one, and is told once."""
        made = self._create(name="k").json["keypair"]
        private = load_ssh_private_key(made["private_key"].encode(), None)
        blob = private.public_key().public_bytes_raw()  # type: ignore[union-attr]
        self.assertEqual(len(blob), 32)
        self.assertTrue(made["public_key"].startswith("ssh-ed25519 "))
        self.assertEqual(made["user_id"], "alice")
        shown = self.cloud.nova("GET", "/os-keypairs/k").json["keypair"]
        self.assertNotIn("private_key", shown)
        self.assertEqual(shown["public_key"], made["public_key"])

    def test_imported(self) -> None:
        """With the fingerprint that ssh-keygen gives it."""
        answer = self._create(name="k", public_key=KEY)
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.json,
            {
                "keypair": {
                    "name": "k",
                    "public_key": KEY,
                    "fingerprint": "92:3c:bc:69:9a:9b:c3:9a:17:87:60:2f:cb:db:e7:e7",
                    "user_id": "alice",
                }
            },
        )

    def test_statuses_by_version(self) -> None:
        """200 and 202 in 2.1; 201, 204 and a type from 2.2."""
        self.assertEqual(self._create(name="a").status, 200)
        self.assertEqual(self.cloud.nova("DELETE", "/os-keypairs/a").status, 202)
        made = self._create("2.2", name="a", type="ssh")
        self.assertEqual((made.status, made.json["keypair"]["type"]), (201, "ssh"))
        self.assertEqual(self.cloud.nova("DELETE", "/os-keypairs/a", version="2.2").status, 204)

    def test_refusals(self) -> None:
        """Twice the same name, names and keys that won't do, and what is not there."""
        self._create(name="k1")
        for fields, version, status, text in (
            ({"name": "k1"}, None, 409, "Key pair 'k1' already exists."),
            (
                {"name": "k/2"},
                None,
                400,
                (
                    "An invalid 'name' value was provided. The name must be: Only expected "
                    "characters: [_- 0123456789abcdefghijklmnopqrstuvwxyz"
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ]"
                ),
            ),
            (
                {"name": "k2", "public_key": "ssh-rsa bad"},
                None,
                400,
                "Keypair data is invalid: failed to generate fingerprint",
            ),
            (
                {"name": "k2", "public_key": ""},
                None,
                400,
                "Keypair data is invalid: failed to generate fingerprint",
            ),
            (
                {"name": "k2"},
                "2.92",
                400,
                (
                    "Invalid input for field/attribute keypair. Value: {'name': 'k2'}. "
                    "'public_key' is a required property"
                ),
            ),
        ):
            answer = self._create(version, **fields)
            (fault,) = answer.json.values()
            self.assertEqual((answer.status, fault["message"]), (status, text))
        for method in ("GET", "DELETE"):
            answer = self.cloud.nova(method, "/os-keypairs/nope")
            self.assertEqual(
                answer.json,
                {
                    "itemNotFound": {
                        "code": 404,
                        "message": "Keypair nope not found for user alice",
                    }
                },
            )

    def test_users_keep_their_own(self) -> None:
        """Another user has none; an administrator asks by user from 2.10."""
        self._create(name="k1")
        self.assertEqual(self.cloud.nova("GET", "/os-keypairs", user=BOB).json, {"keypairs": []})
        path = "/os-keypairs?user_id=alice"
        listed = self.cloud.nova("GET", path, user=ADMIN, version="2.10").json["keypairs"]
        self.assertEqual([item["keypair"]["name"] for item in listed], ["k1"])
        refused = self.cloud.nova("GET", path, user=BOB, version="2.10")
        self.assertEqual(refused.status, 403)

    def test_pages(self) -> None:
        """By name, from 2.35."""
        for name in ("c", "a", "b"):
            self._create(name=name)
        page = self.cloud.nova("GET", "/os-keypairs?limit=2", version="2.35").json
        self.assertEqual([item["keypair"]["name"] for item in page["keypairs"]], ["a", "b"])
        self.assertEqual(
            page["keypairs_links"],
            [{"rel": "next", "href": f"{BASE}/v2.1/os-keypairs?limit=2&marker=b"}],
        )
        last = self.cloud.nova("GET", "/os-keypairs?limit=2&marker=b", version="2.35").json
        self.assertEqual([item["keypair"]["name"] for item in last["keypairs"]], ["c"])
        self.assertNotIn("keypairs_links", last)
        wrong = self.cloud.nova("GET", "/os-keypairs?marker=x", version="2.35")
        self.assertEqual(wrong.json["badRequest"]["message"], "Marker x could not be found.")

    def test_limit(self) -> None:
        """A hundred, and no more."""
        for number in range(100):
            self.assertEqual(self._create(name=f"k{number}", public_key=KEY).status, 200)
        answer = self._create(name="k100", public_key=KEY)
        self.assertEqual(
            answer.json,
            {"forbidden": {"code": 403, "message": "Quota exceeded, too many key pairs."}},
        )
