"""
What kamaki asks first.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.synnefo_tx.account.project_cloud import ProjectCloud


class TokensTests(SynchronousTestCase):
    """POST /account/v2.0/tokens; a user's id is its token here."""

    def setUp(self) -> None:
        self.cloud = ProjectCloud(self)

    def ask(self, body: Any) -> Any:
        """Without any token in the head."""
        return self.cloud.call("POST", "/tokens", body, None, version="v2.0")

    def test_without_a_token(self) -> None:
        """The catalog alone, with the account service at the URL that was asked."""
        access = self.ask(None).json["access"]
        self.assertEqual(set(access), {"serviceCatalog"})
        [account] = [one for one in access["serviceCatalog"] if one["type"] == "account"]
        self.assertEqual(
            account["endpoints"],
            [
                {
                    "region": "RegionOne",
                    "versionId": "v1.0",
                    "publicURL": "http://cloud/account/v1.0",
                }
            ],
        )

    def test_with_a_token(self) -> None:
        """Who it is, in which project, and the projects whose member the user is."""
        project_id = self.cloud.approved()
        for auth in (
            {"token": {"id": "u-alice"}},
            {"passwordCredentials": {"username": "u-alice", "password": "u-alice"}},
            {"token": {"id": "u-alice"}, "tenantName": "u-alice"},
        ):
            access = self.ask({"auth": auth}).json["access"]
            self.assertEqual(access["user"]["name"], "alice")
            self.assertEqual(access["user"]["roles"], [{"name": "member"}])
            self.assertEqual(access["user"]["projects"], [project_id])
            self.assertEqual(access["token"]["id"], "u-alice")
            self.assertEqual(access["token"]["tenant"], {"id": "p1", "name": "one"})
            self.assertTrue(access["serviceCatalog"])

    def test_refused(self) -> None:
        """A token of nobody's, of another user, for another tenant; no sense."""
        good = {"id": "u-alice"}
        for auth, status in (
            ({"token": {"id": "nobody"}}, 401),
            ({"passwordCredentials": {"username": "u-bob", "password": "u-alice"}}, 400),
            ({"token": good, "tenantName": "u-bob"}, 400),
            ({"token": good, "tenantId": ["x"]}, 400),
            ({"token": {"id": 5}}, 400),
            ({"passwordCredentials": {"password": "u-alice"}}, 400),
            ({}, 400),
            (5, 400),
        ):
            self.assertEqual(self.ask({"auth": auth}).status, status, auth)
