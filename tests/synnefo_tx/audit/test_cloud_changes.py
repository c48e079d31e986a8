"""
What OpenStack's services change leaves its line in the audit log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

import synnefo_tx
from synnefo_tx.audit.rows.tables import audit_log
from synnefo_tx.store.database import Database
from tests.synnefo_tx.compute.cloud import ADMIN, ALICE, Cloud
from tests.synnefo_tx.image.cloud import Cloud as Images

SERVICES = ("compute", "network", "volume", "image")


def lines(database: Database) -> list[Any]:
    """
    The log, oldest first.
    """
    with database.engine.connect() as connection:
        return list(connection.execute(select(audit_log).order_by(audit_log.c.id)))


class ChangeTests(SynchronousTestCase):
    def test_no_handler_writes_beside_it(self) -> None:
        """All go through the service's write, which adds the line."""
        root = Path(synnefo_tx.__file__).parent
        found = [
            str(path.relative_to(root))
            for service in SERVICES
            for path in (root / service / "api").rglob("*.py")
            if "database.write(" in path.read_text()
        ]
        self.assertEqual(found, [])

    def test_compute(self) -> None:
        """Who did what to which thing, once for each change, none for a refused one."""
        cloud = Cloud(self)
        server = cloud.active()
        for method, path, body, version in (
            ("POST", f"/servers/{server}/metadata", {"metadata": {"secret": "s3cret"}}, "2.1"),
            ("DELETE", f"/servers/{server}/metadata/secret", None, "2.1"),
            ("PUT", f"/servers/{server}/tags/t", None, "2.26"),
            ("DELETE", f"/servers/{server}/tags", None, "2.26"),
            ("POST", "/os-keypairs", {"keypair": {"name": "k"}}, "2.1"),
            ("DELETE", "/os-keypairs/k", None, "2.1"),
            ("DELETE", "/os-keypairs/k", None, "2.1"),
        ):
            cloud.nova(method, path, body, version=version)
        quota = {"quota_set": {"cores": 7}}
        cloud.nova("PUT", "/os-quota-sets/project-alice", quota, ADMIN)
        told = lines(cloud.database)
        named = [(one.action.removeprefix("os_compute_api:"), one.target_id) for one in told]
        expected = [
            ("servers:create", server),
            ("server-metadata:create", server),
            ("server-metadata:delete", server),
            ("os-server-tags:update", server),
            ("os-server-tags:delete_all", server),
            ("os-keypairs:create", "k"),
            ("os-keypairs:delete", "k"),
            ("os-quota-sets:update", "project-alice"),
        ]
        self.assertEqual(named, expected)
        self.assertEqual([one.user_id for one in told], [ALICE] * 7 + [ADMIN])
        self.assertNotIn("s3cret", repr(told))

    def test_images(self) -> None:
        """From its making to its end."""
        cloud = Images(self)
        image = cloud.active(visibility="shared")
        cloud.patch(image, [{"op": "replace", "path": "/name", "value": "n"}])
        for method, path, body in (
            ("PUT", "/tags/t", None),
            ("DELETE", "/tags/t", None),
            ("POST", "/members", {"member": "p"}),
            ("DELETE", "/members/p", None),
            ("POST", "/actions/deactivate", None),
            ("POST", "/actions/reactivate", None),
            ("DELETE", "", None),
            ("DELETE", "", None),
        ):
            cloud.call(method, f"/v2/images/{image}{path}", body)
        told = lines(cloud.database)
        self.assertEqual({one.target_id for one in told}, {image})
        expected = (
            "add_image upload_image modify_image modify_image modify_image add_member "
            "delete_member deactivate reactivate delete_image"
        )
        self.assertEqual([one.action for one in told], expected.split())
