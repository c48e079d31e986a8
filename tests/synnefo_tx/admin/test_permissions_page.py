"""
docs/permissions.md says what the tables say.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from synnefo_tx.admin.permissions_page import page, services

ROOT = Path(__file__).parents[3]


class PermissionsPageTests(SynchronousTestCase):
    def test_the_page_is_up_to_date(self) -> None:
        known = (ROOT / "docs" / "permissions.md").read_text()
        again = "run: python -m synnefo_tx.admin.permissions_page > docs/permissions.md"
        self.assertTrue(known == page(), again)

    def test_every_table_is_there(self) -> None:
        """
        Each service has its table in its own package, as a file or as a package; identity's is
        beside the rules.
        """
        packages = ROOT / "synnefo_tx"
        files, folders = packages.glob("*/permissions.py"), packages.glob("*/permissions")
        found = {path.parent.name for path in (*files, *folders)}
        self.assertEqual({one.router.prefix for one in services()}, found)

    def test_every_route_asks_for_what_its_table_has(self) -> None:
        missing = [
            permission
            for service in services()
            for permission in service.router.permissions() - set(service.table)
        ]
        self.assertEqual(missing, [])
