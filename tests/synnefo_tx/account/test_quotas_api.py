"""
Quotas, resources and commissions in Synnefo's wire format.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.account.permissions import PERMISSIONS
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import DISKSPACE, PENDING_APP, TOTAL_CPU, VM
from synnefo_tx.quota.rows.holdings import take
from synnefo_tx.quota.rows.limits import set_limits
from tests.synnefo_tx.account.cloud import AccountCloud

INFINITE = 2**63 - 1
ALICE = Payer("u-alice", "p1")


def provisions(quantity: Any, resource: str = VM) -> list[dict[str, Any]]:
    """Of alice in the project p1, and of p1 itself."""
    return [
        {
            "holder": "user:u-alice",
            "source": "project:p1",
            "resource": resource,
            "quantity": quantity,
        },
        {"holder": "project:p1", "source": None, "resource": resource, "quantity": quantity},
    ]


class QuotaTests(SynchronousTestCase):
    """What users and services read."""

    def setUp(self) -> None:
        self.cloud = AccountCloud(self)
        self.cloud.write(take, Payer("u-admin", "p1"), {VM: 2})
        self.cloud.write(take, ALICE, {VM: 3})

    def test_own_quotas(self) -> None:
        """In the projects where one works: one's own use and the project's."""
        found = self.cloud.call("GET", "/quotas", user="u-alice").json
        self.assertEqual(set(found), {"p1"})
        self.assertEqual(
            found["p1"][VM],
            {
                "usage": 3,
                "limit": 18,
                "pending": 0,
                "project_usage": 5,
                "project_limit": 20,
                "project_pending": 0,
            },
        )
        self.assertEqual(found["p1"]["cyclades.cpu"]["limit"], INFINITE)
        self.assertNotIn("cyclades.metadata_item", found["p1"])

    def test_limit_in_effect(self) -> None:
        """The member's limit, or what the project has left."""
        self.cloud.write(set_limits, "p1", {VM: (4, 6)})
        quota = self.cloud.call("GET", "/quotas", user="u-alice").json["p1"][VM]
        self.assertEqual((quota["limit"], quota["project_limit"]), (4, 6))
        self.cloud.write(take, Payer("u-admin", "p1"), {VM: 1})
        quota = self.cloud.call("GET", "/quotas", user="u-alice").json["p1"][VM]
        self.assertEqual((quota["limit"], quota["usage"]), (3, 3))

    def test_resources(self) -> None:
        """Anybody may ask; hidden ones are not told."""
        found = self.cloud.call("GET", "/resources", user=None).json
        self.assertEqual(
            found[DISKSPACE],
            {
                "unit": "bytes",
                "description": "Files of images, and objects",
                "service": "pithos_object-store",
                "allow_in_projects": True,
                "ui_visible": True,
                "api_visible": True,
            },
        )
        self.assertIn(PENDING_APP, found)
        self.assertNotIn("cyclades.metadata_item", found)

    def test_service_quotas(self) -> None:
        """A service is told of its own resources, of all users or of one."""
        found = self.cloud.call("GET", "/service_quotas").json
        self.assertEqual(set(found), {"u-admin", "u-alice"})
        self.assertEqual(found["u-admin"]["p1"][VM]["usage"], 2)
        self.assertNotIn(DISKSPACE, found["u-admin"]["p1"])
        one = self.cloud.call("GET", "/service_quotas?user=u-bob", user="u-pithos").json
        self.assertEqual(set(one["u-bob"]["p2"]), {DISKSPACE})
        missing = self.cloud.call("GET", "/service_quotas?user=nobody")
        self.assertEqual(
            (missing.status, missing.json["itemNotFound"]["message"]),
            (404, "No such user 'nobody'"),
        )

    def test_service_project_quotas(self) -> None:
        """Of all projects, or of one."""
        found = self.cloud.call("GET", "/service_project_quotas").json
        self.assertEqual(set(found), {"p1", "p2", "p3"})
        self.assertEqual(
            found["p1"][VM], {"project_usage": 5, "project_limit": 20, "project_pending": 0}
        )
        one = self.cloud.call("GET", "/service_project_quotas?project=p2").json
        self.assertEqual(one["p2"][VM]["project_usage"], 0)
        self.assertEqual(self.cloud.call("GET", "/service_project_quotas?project=x").status, 404)

    def test_who_may(self) -> None:
        """Users read their own quotas only; without a token, only resources are told."""
        for path in ("/service_quotas", "/service_project_quotas", "/commissions"):
            self.assertEqual(self.cloud.call("GET", path, user="u-alice").status, 403)
            refused = self.cloud.call("GET", path, user=None)
            self.assertEqual((refused.status, list(refused.json)), (401, ["unauthorized"]))
        self.assertEqual(self.cloud.call("GET", "/quotas", user=None).status, 401)
        for path in ("/commissions", "/commissions/1/action", "/commissions/action"):
            self.assertEqual(self.cloud.call("POST", path, {}, user="u-alice").status, 403)

    def test_every_permission_has_its_route(self) -> None:
        """And every route that needs one its permission."""
        named = {permission for _, _, permission in self.cloud.router.routes if permission}
        self.assertLessEqual(named, set(PERMISSIONS))
        self.assertIn("account:list_quotas", named)

    def test_unknown_paths_and_methods(self) -> None:
        """As Synnefo answers them."""
        unknown = self.cloud.call("GET", "/coffee")
        self.assertEqual(
            (unknown.status, unknown.json["badRequest"]["message"]),
            (400, "API endpoint not found"),
        )
        refused = self.cloud.call("PUT", "/quotas")
        self.assertEqual((refused.status, list(refused.json)), (405, ["notAllowed"]))


class CommissionTests(SynchronousTestCase):
    """What services ask for."""

    def setUp(self) -> None:
        self.cloud = AccountCloud(self)

    def issue(self, asked: list[dict[str, Any]], user: str = "u-cyclades", **more: Any) -> Any:
        return self.cloud.call("POST", "/commissions", {"provisions": asked, **more}, user)

    def usage(self) -> tuple[int, int]:
        quota = self.cloud.call("GET", "/quotas", user="u-alice").json["p1"][VM]
        return quota["usage"], quota["pending"]

    def test_from_issue_to_acceptance(self) -> None:
        """Listed, shown, accepted, and gone."""
        answer = self.issue(provisions(2), name="servers")
        serial = answer.json["serial"]
        self.assertEqual((answer.status, self.usage()), (201, (2, 2)))
        self.assertEqual(self.cloud.call("GET", "/commissions").json, [serial])
        shown = self.cloud.call("GET", f"/commissions/{serial}").json
        self.assertEqual(
            (shown["serial"], shown["name"], shown["issue_time"]),
            (serial, "servers", "2025-11-23T01:29:53.250000+00:00"),
        )
        self.assertCountEqual(shown["provisions"], provisions(2))
        action = f"/commissions/{serial}/action"
        accepted = self.cloud.call("POST", action, {"accept": ""})
        self.assertEqual((accepted.status, accepted.body, self.usage()), (200, b"", (2, 0)))
        self.assertEqual(self.cloud.call("POST", action, {"accept": ""}).status, 404)
        self.assertEqual(self.cloud.call("GET", f"/commissions/{serial}").status, 404)

    def test_rejected(self) -> None:
        """As if it had not been asked for."""
        serial = self.issue(provisions(2)).json["serial"]
        self.cloud.call("POST", f"/commissions/{serial}/action", {"reject": ""})
        self.assertEqual(self.usage(), (0, 0))

    def test_over_the_limit(self) -> None:
        """With its provision, limit and usage; not so with force."""
        refused = self.issue(provisions(21))
        data = {
            "name": "NoCapacityError",
            "provision": provisions(21)[1],
            "limit": 20,
            "usage": 0,
        }
        self.assertEqual(refused.status, 413)
        self.assertEqual(refused.json["overLimit"]["data"], data)
        self.assertEqual(refused.json["overLimit"]["code"], 413)
        self.issue(provisions(21), force=True, auto_accept=True)
        self.assertEqual(self.usage(), (21, 0))
        more = self.issue(provisions(-22), force=True)
        self.assertEqual(
            (more.status, more.json["overLimit"]["data"]["name"]), (413, "NoQuantityError")
        )

    def test_no_holding(self) -> None:
        """Of strangers, of users outside the project, of unknown resources."""
        good = provisions(1)[0]
        for wrong in (
            {"holder": "user:nobody"},
            {"holder": "user:u-bob"},
            {"source": "project:nowhere"},
            {"source": None},
            {"holder": "alice"},
            {"resource": "tea.pots"},
        ):
            refused = self.issue([{**good, **wrong}])
            self.assertEqual(refused.status, 404, wrong)
            data = refused.json["itemNotFound"]["data"]
            self.assertEqual(data["name"], "NoHoldingError")
            self.assertEqual(data["provision"], {**good, **wrong})

    def test_many_resolved(self) -> None:
        """Each has its answer."""
        one, two, three = (self.issue(provisions(1)).json["serial"] for _ in range(3))
        body = {"accept": [one, three, 999], "reject": [two, three]}
        found = self.cloud.call("POST", "/commissions/action", body).json
        both = f"cannot both accept and reject serial {three}"
        self.assertEqual(
            found,
            {
                "accepted": [one],
                "rejected": [two],
                "failed": [
                    [999, {"itemNotFound": {"code": 404, "message": "serial 999 does not exist"}}],
                    [three, {"badRequest": {"code": 400, "message": both}}],
                ],
            },
        )

    def test_services_are_apart(self) -> None:
        """Another's commission is not there."""
        serial = self.issue(provisions(1)).json["serial"]
        self.assertEqual(self.cloud.call("GET", "/commissions", user="u-pithos").json, [])
        for method, path, body in (
            ("GET", f"/commissions/{serial}", None),
            ("POST", f"/commissions/{serial}/action", {"reject": ""}),
        ):
            self.assertEqual(self.cloud.call(method, path, body, "u-pithos").status, 404)
        self.assertEqual(self.usage(), (1, 1))

    def test_bad_bodies(self) -> None:
        """Each refused in Synnefo's words."""
        good = provisions(1)[0]
        for path, body, message in (
            ("", {}, "Provisions are missing."),
            ("", {"provisions": 1}, "Provisions should be a list."),
            ("", {"provisions": [1]}, "Malformed provision 1"),
            ("", {"provisions": [{**good, "quantity": 1.5}]}, "Malformed provision"),
            ("", {"provisions": [{**good, "quantity": True}]}, "Malformed provision"),
            ("", {"provisions": [{**good, "quantity": 2**70}]}, "Malformed provision"),
            ("", {"provisions": [{**good, "holder": 5}]}, "Malformed provision"),
            ("", {"provisions": [{**good, "holder": "u" * 99}]}, "Malformed provision"),
            ("", {"provisions": [good], "force": 1}, '"force" option should be a boolean.'),
            ("", {"provisions": [good], "auto_accept": "a"}, '"auto_accept" option should be'),
            ("", {"provisions": [good], "name": 1}, "Commission name should be a string."),
            ("", [], "Data should be a dictionary"),
            ("", b"{", "Could not decode request body as JSON"),
            ("/action", {"accept": 1}, '"accept" and "reject" should reference lists'),
            ("/action", {"accept": ["x"]}, "Serials should be integer."),
            ("/1/action", {}, "Specify either accept or reject action."),
            ("/x/action", {"accept": ""}, "Serial should be an integer."),
        ):
            refused = self.cloud.call("POST", f"/commissions{path}", body)
            self.assertEqual(refused.status, 400, (body, refused.body))
            told = refused.json["badRequest"]
            self.assertTrue(told["message"].startswith(message), told)
        other = self.cloud.call("POST", "/commissions", {"provisions": []}, media="text/plain")
        self.assertEqual(other.status, 400)

    def test_an_empty_commission(self) -> None:
        """Is one, of nothing."""
        self.assertEqual(self.issue([], auto_accept=True).status, 201)
        self.assertEqual(self.issue(provisions(0, TOTAL_CPU)).status, 201)
