"""
What the compute API says of itself, and its microversions.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.compute.api.service import MAXIMUM
from synnefo_tx.compute.permissions import PERMISSIONS
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, BASE, Cloud

VARY = ["OpenStack-API-Version", "X-OpenStack-Nova-API-Version"]


class VersionTests(SynchronousTestCase):
    """
    Documents that need no token.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def test_root_lists_the_version(self) -> None:
        """The root names v2.1 and its range of microversions, in no version's name itself."""
        answer = self.cloud.call("GET", "/compute/", user=None)
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.json,
            {
                "versions": [
                    {
                        "id": "v2.1",
                        "status": "CURRENT",
                        "version": "2.96",
                        "min_version": "2.1",
                        "updated": "2013-07-23T11:33:21Z",
                        "links": [{"rel": "self", "href": f"{BASE}/v2.1/"}],
                    }
                ]
            },
        )
        self.assertEqual(answer.all_of("vary"), [])

    def test_version_document_with_and_without_slash(self) -> None:
        """Both spellings answer with the document and its headers."""
        for path in ("/compute/v2.1", "/compute/v2.1/"):
            answer = self.cloud.call("GET", path, user=None)
            self.assertEqual(answer.status, 200)
            self.assertEqual(
                answer.json["version"]["media-types"],
                [
                    {
                        "base": "application/json",
                        "type": "application/vnd.openstack.compute+json;version=2.1",
                    }
                ],
            )
            self.assertEqual(answer.header("OpenStack-API-Version"), "compute 2.1")
            self.assertEqual(answer.all_of("vary"), VARY)

    def test_without_a_token(self) -> None:
        """401 in Keystone's words, and no microversion."""
        answer = self.cloud.nova("GET", "/servers", user=None)
        self.assertEqual(answer.status, 401)
        self.assertEqual(
            answer.json,
            {
                "error": {
                    "code": 401,
                    "title": "Unauthorized",
                    "message": "The request you have made requires authentication.",
                }
            },
        )
        self.assertEqual(
            answer.header("WWW-Authenticate"), 'Keystone uri="http://cloud/identity/v3"'
        )
        self.assertIsNone(answer.header("OpenStack-API-Version"))

    def test_unknown_path_is_a_page(self) -> None:
        """A path or method that there is not gets WebOb's page."""
        for method, path in (("GET", "/nope"), ("PUT", "/servers")):
            answer = self.cloud.nova(method, path)
            self.assertEqual(answer.status, 404)
            self.assertIn(b"<h1>404 Not Found</h1>\n  The resource could", answer.body)

    def test_every_route_has_its_permission(self) -> None:
        """The table and the routes name the same permissions."""
        compute, *_ = self.cloud._routers()
        self.assertEqual(compute.permissions(), set(PERMISSIONS))

    def test_zones(self) -> None:
        """One zone; its hosts are for administrators."""
        self.assertEqual(
            self.cloud.nova("GET", "/os-availability-zone").json,
            {
                "availabilityZoneInfo": [
                    {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}
                ]
            },
        )
        detail = "/os-availability-zone/detail"
        self.assertEqual(self.cloud.nova("GET", detail, user=ALICE).status, 403)
        self.assertEqual(self.cloud.nova("GET", detail, user=ADMIN).status, 200)

    def test_extensions(self) -> None:
        """Each is found by its alias, an unknown one is not."""
        listed = self.cloud.nova("GET", "/extensions").json["extensions"]
        for extension in listed:
            path = f"/extensions/{extension['alias']}"
            self.assertEqual(self.cloud.nova("GET", path).json, {"extension": extension})
        self.assertEqual(self.cloud.nova("GET", "/extensions/nope").status, 404)


class MicroversionTests(SynchronousTestCase):
    """
    The version headers, in and out.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def _said(self, headers: dict[str, str]) -> tuple[int, str | None, str | None]:
        answer = self.cloud.nova("GET", "/flavors", headers=headers)
        return (
            answer.status,
            answer.header("OpenStack-API-Version"),
            answer.header("X-OpenStack-Nova-API-Version"),
        )

    def test_what_is_asked_for_is_said(self) -> None:
        """Old header, new header, several services in one, latest, and nothing at all."""
        for headers, version in (
            ({}, "2.1"),
            ({"OpenStack-API-Version": "compute 2.10"}, "2.10"),
            ({"OpenStack-API-Version": "volume 3.9, compute 2.11"}, "2.11"),
            ({"OpenStack-API-Version": "volume 3.9"}, "2.1"),
            ({"OpenStack-API-Version": "compute latest"}, f"2.{MAXIMUM[1]}"),
            ({"X-OpenStack-Nova-API-Version": "2.12"}, "2.12"),
            (
                {"X-OpenStack-Nova-API-Version": "2.12", "OpenStack-API-Version": "compute 2.13"},
                "2.13",
            ),
        ):
            self.assertEqual(self._said(headers), (200, f"compute {version}", version), headers)

    def test_out_of_range(self) -> None:
        """406, with the version asked for in the headers."""
        answer = self.cloud.nova("GET", "/servers", version="2.999")
        self.assertEqual(answer.status, 406)
        self.assertEqual(
            answer.json,
            {
                "computeFault": {
                    "code": 406,
                    "message": "Version 2.999 is not supported by the API. Minimum is 2.1 and "
                    "maximum is 2.96.",
                }
            },
        )
        self.assertEqual(answer.header("OpenStack-API-Version"), "compute 2.999")
        self.assertEqual(answer.all_of("vary"), VARY)

    def test_malformed(self) -> None:
        """400, and no version in the headers."""
        for wrong in ("abc", "2", "2.01", "2.1.1", "v2.1", "2.-1", ""):
            answer = self.cloud.nova("GET", "/servers", version=wrong)
            self.assertEqual(answer.status, 400)
            self.assertEqual(
                answer.json["badRequest"]["message"],
                f"API Version String {wrong} is of invalid format. Must be of format "
                "MajorNum.MinorNum.",
            )
            self.assertIsNone(answer.header("OpenStack-API-Version"))

    def test_a_refusal_names_its_version(self) -> None:
        """403 has the version headers, as Nova's has."""
        answer = self.cloud.nova("POST", "/flavors", {}, version="2.10")
        self.assertEqual(answer.status, 403)
        self.assertEqual(answer.header("OpenStack-API-Version"), "compute 2.10")
        self.assertEqual(
            answer.json["forbidden"]["message"],
            "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed.",
        )
