"""
Cinder's version document, limits, quota sets and quota classes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.identity.catalog import own_services
from synnefo_tx.identity.rules.access import permits
from synnefo_tx.volume.permissions import PERMISSIONS
from tests.synnefo_tx.compute.cloud import ADMIN, BOB, IMAGE, READER, Answer, Cloud
from tests.synnefo_tx.identity.test_tokens import a_token

OWN = "/os-quota-sets/project-alice"
CLASS = "/os-quota-class-sets/default"


class DiscoveryTests(SynchronousTestCase):
    """
    What the API says of itself.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)

    def test_versions(self) -> None:
        """All of them without a token, the one with it."""
        every = self.cloud.call("GET", "/volume/", user=None)
        self.assertEqual(every.status, 300)
        self.assertEqual(every.header("OpenStack-API-Version"), "volume 3.0")
        [version] = every.json["versions"]
        self.assertEqual((version["id"], version["min_version"]), ("v3.0", "3.0"))
        self.assertEqual(version["links"][1]["href"], "http://cloud/volume/v3/")
        self.assertEqual(self.cloud.cinder("GET", "/", user=None).status, 401)
        one = self.cloud.cinder("GET", "/")
        self.assertEqual((one.status, one.json), (200, every.json))

    def test_microversions(self) -> None:
        """What is asked for, or a refusal that says what there is."""
        ask = lambda version: self.cloud.cinder(  # noqa: E731
            "GET", "/limits", headers={"OpenStack-API-Version": f"volume {version}"}
        )
        self.assertEqual(ask("3.60").header("OpenStack-API-Version"), "volume 3.60")
        refused = ask("3.999")
        self.assertEqual(
            (refused.status, refused.json["computeFault"]["message"]),
            (
                406,
                "Version 3.999 is not supported by the API. Minimum is 3.0 and maximum is 3.71.",
            ),
        )

    def test_every_route_has_its_permission(self) -> None:
        """The table and the routes name the same permissions."""
        *_, volume = self.cloud._routers()
        self.assertEqual(volume.permissions(), set(PERMISSIONS))

    def test_access_rules_name_it_as_the_catalog_does(self) -> None:
        """By either type."""
        *_, volume = self.cloud._routers()
        for service in own_services({"volume": "/volume/v3"}):
            rules = ((service.type, "GET", "/v3/limits"),)
            token = a_token(access_rules=rules)
            self.assertTrue(permits(token, volume.service_types, "GET", "/v3/limits"))
            self.assertFalse(permits(token, volume.service_types, "GET", "/v3/x/limits"))

    def test_the_project_in_the_path(self) -> None:
        """Is the caller's or is left out."""
        plain = self.cloud.cinder("GET", "/limits")
        self.assertEqual(self.cloud.cinder("GET", "/project-alice/limits").json, plain.json)
        foreign = self.cloud.cinder("GET", "/project-bob/limits")
        self.assertEqual(
            (foreign.status, foreign.json["badRequest"]["message"]), (400, "Malformed request url")
        )


class QuotaTests(SynchronousTestCase):
    """
    Alice has a server, whose volume of 1 GiB counts.
    """

    def setUp(self) -> None:
        self.cloud = Cloud(self)
        self.cloud.create()

    def put(self, path: str, body: Any, user: str = ADMIN) -> Answer:
        return self.cloud.cinder("PUT", path, body, user)

    def test_limits(self) -> None:
        """Of the own project; of another's for administrators."""
        own = self.cloud.cinder("GET", "/limits", user=READER).json["limits"]
        self.assertEqual(own["rate"], [])
        self.assertEqual(
            (own["absolute"]["totalVolumesUsed"], own["absolute"]["totalGigabytesUsed"]), (1, 1)
        )
        foreign = "/limits?project_id=project-alice"
        self.assertEqual(self.cloud.cinder("GET", foreign, user=BOB).status, 403)
        self.assertEqual(self.cloud.cinder("GET", foreign, user=ADMIN).json["limits"], own)

    def test_shown(self) -> None:
        """With and without what is used; the defaults; nobody else's."""
        quota = self.cloud.cinder("GET", OWN).json["quota_set"]
        self.assertEqual(
            (quota["id"], quota["gigabytes"], quota["volumes"]), ("project-alice", 1000, 40)
        )
        used = self.cloud.cinder("GET", f"{OWN}?usage=True").json["quota_set"]
        self.assertEqual(used["volumes"], {"limit": 40, "in_use": 1, "reserved": 0})
        self.assertEqual(self.cloud.cinder("GET", f"{OWN}/defaults").json["quota_set"], quota)
        for path in (OWN, f"{OWN}/defaults"):
            refused = self.cloud.cinder("GET", path, user=BOB)
            self.assertEqual(
                (refused.status, refused.json["forbidden"]["message"]),
                (403, "Policy doesn't allow volume_extension:quotas:show to be performed."),
            )
        wrong = self.cloud.cinder("GET", f"{OWN}?usage=perhaps")
        self.assertEqual(wrong.status, 400)

    def test_changed(self) -> None:
        """It holds for servers' disks at once, is audited, and goes again."""
        usual = self.cloud.cinder("GET", OWN).json["quota_set"]
        changed = self.put(OWN, {"quota_set": {"gigabytes": "1", "snapshots": -1}})
        self.assertEqual(changed.status, 200)
        self.assertEqual(changed.json["quota_set"]["gigabytes"], 1)
        self.assertNotIn("id", changed.json["quota_set"])
        server = {"name": "w", "flavorRef": "1", "imageRef": IMAGE}
        refused = self.cloud.nova("POST", "/servers", {"server": server})
        self.assertEqual(
            refused.json["forbidden"]["message"],
            "Quota exceeded for gigabytes: Requested 1, but already used 1 of 1 gigabytes",
        )
        self.assertEqual(self.cloud.cinder("DELETE", OWN, user=ADMIN).status, 200)
        self.assertEqual(self.cloud.cinder("GET", OWN).json["quota_set"], usual)
        with self.cloud.database.engine.connect() as connection:
            told = select(audit_log).where(audit_log.c.target_kind == "quota")
            rows = connection.execute(told.order_by(audit_log.c.id)).all()
        self.assertEqual(
            [(row.action, row.user_id, row.target_id) for row in rows],
            [
                (f"volume_extension:quotas:{verb}", ADMIN, "project-alice")
                for verb in ("update", "delete")
            ],
        )

    def test_below_what_is_used(self) -> None:
        """Unless that is to be checked."""
        body = {"quota_set": {"volumes": 0}}
        refused = self.put(f"{OWN}?skip_validation=false", body)
        self.assertEqual(
            (refused.status, refused.json["badRequest"]["message"]),
            (400, "Quota volumes limit must be equal or greater than existing resources."),
        )
        self.assertEqual(self.put(OWN, body).json["quota_set"]["volumes"], 0)

    def test_refused(self) -> None:
        """Of users; and bodies that are none."""
        for method, path in (("PUT", OWN), ("DELETE", OWN), ("GET", CLASS), ("PUT", CLASS)):
            asked = self.cloud.cinder(method, path, {"quota_set": {}} if method == "PUT" else None)
            self.assertEqual((method, path, asked.status), (method, path, 403))
        bodies: list[Any] = [None, b"", b"{", [], {"quota_set": {"pots": 1}}]
        for body in bodies:
            self.assertEqual(self.put(OWN, body).status, 400)

    def test_the_class_of_all(self) -> None:
        """Its limits hold for whom nobody has set any."""
        self.put("/os-quota-sets/project-bob", {"quota_set": {"snapshots": 3}})
        shown = self.cloud.cinder("GET", CLASS, user=ADMIN).json["quota_class_set"]
        self.assertEqual((shown["id"], shown["snapshots"]), ("default", 10))
        changed = self.put(CLASS, {"quota_class_set": {"snapshots": 4, "gigabytes": 7}})
        self.assertEqual(changed.json["quota_class_set"]["gigabytes"], 7)
        own = self.cloud.cinder("GET", OWN).json["quota_set"]
        self.assertEqual((own["snapshots"], own["gigabytes"]), (4, 7))
        bobs = self.cloud.cinder("GET", "/os-quota-sets/project-bob", user=BOB).json["quota_set"]
        self.assertEqual((bobs["snapshots"], bobs["gigabytes"]), (3, 7))
        unknown = self.put("/os-quota-class-sets/gold", {"quota_class_set": {"snapshots": 1}})
        self.assertEqual(unknown.status, 404)
