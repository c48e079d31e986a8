"""
Clusters are entered, drained and struck out.
"""

from __future__ import annotations

from sqlalchemy import select

from synnefo_tx.compute.rows.placing import takes_servers
from synnefo_tx.compute.rows.tables import clusters
from synnefo_tx.effect.rows import outbox
from synnefo_tx.effect.wishes import Wish
from tests.synnefo_tx.admin.cloud import ManageCase

URL = "https://127.0.0.1:1"  # where nobody answers


class ClusterTests(ManageCase):
    """A cluster that is entered unseen."""

    def setUp(self) -> None:
        super().setUp()
        words = ("cluster", "add", "east", URL, "--stdin", "--unseen")
        self.cluster_id = self.run_it(*words, given="pass word\n").stdout.strip()

    def test_entered(self) -> None:
        """It is listed and shown, and nobody is told its password."""
        [listed] = self.json("cluster", "list")
        shown = self.json("cluster", "show", "east")
        self.assertEqual(listed, shown)
        self.assertEqual(
            (shown["id"], shown["servers"], shown["drained"]), (self.cluster_id, 0, False)
        )
        self.assertNotIn("pass word", str(shown))
        kept = self.write(lambda c: c.execute(select(clusters.c.rapi_password)).scalar())
        self.assertEqual(kept, "pass word")

    def test_twice(self) -> None:
        """A name and an address are one cluster's."""
        for name, url in (("east", "https://other:1"), ("west", URL)):
            words = ("cluster", "add", name, url, "--stdin", "--unseen")
            self.run_it(*words, given="x\n", status=1)

    def test_unanswered(self) -> None:
        """One that does not answer is not entered."""
        words = ("cluster", "add", "west", "https://127.0.0.1:2", "--stdin")
        self.assertIn("does not answer", self.run_it(*words, given="x\n", status=2).output)
        self.assertEqual(len(self.json("cluster", "list")), 1)

    def test_drained(self) -> None:
        """No new servers go there until it is undrained."""
        self.assertTrue(self.write(takes_servers))
        self.run_it("cluster", "drain", "east")
        self.assertFalse(self.write(takes_servers))
        self.run_it("cluster", "undrain", self.cluster_id)
        self.assertTrue(self.write(takes_servers))

    def test_removed(self) -> None:
        """Not while something is to be asked of it; then it is gone."""
        wish = Wish(kind="x", target="y", cluster_id=self.cluster_id, method="GET", path="/")
        effect_id = self.write(outbox.put, wish, 1)
        self.assertIn(
            "1 wishes", self.run_it("cluster", "remove", "east", "--yes", status=1).output
        )
        self.write(outbox.forget, effect_id)
        self.run_it("cluster", "remove", "east", given="n\n", status=1)
        self.run_it("cluster", "remove", "east", "--yes")
        self.run_it("cluster", "show", "east", status=3)

    def test_every_change_is_in_the_audit_log(self) -> None:
        """One line each."""
        self.run_it("cluster", "drain", "east")
        self.run_it("cluster", "remove", "east", "--yes")
        actions = [line.action for line in self.lines()]
        self.assertEqual(
            actions, ["cloud:add_cluster", "cloud:drain_cluster", "cloud:remove_cluster"]
        )
