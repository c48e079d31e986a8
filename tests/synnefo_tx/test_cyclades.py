"""
The cloud that plays carries a server through its life.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from synnefo_tx.cluster.interface import ICluster
from tests.synnefo_tx.cyclades import Cyclades


class CycladesTests(SynchronousTestCase):
    """From calls to news and back."""

    def setUp(self) -> None:
        self.cyclades = Cyclades(self)
        self.cluster = self.cyclades.cluster

    def test_interface(self) -> None:
        """The cluster is an ICluster."""
        verifyObject(ICluster, self.cluster)

    def test_life(self) -> None:
        """Created, stopped, started, deleted: the cluster has what the user is shown."""
        server_id = self.cyclades.running()
        instance = self.cluster.held.instances[f"snf-{server_id}"]
        self.assertEqual((instance["status"], len(instance["nics"])), ("running", 1))
        for action, status, state in (
            ("os-stop", "SHUTOFF", "stopped"),
            ("os-start", "ACTIVE", "running"),
        ):
            path = f"/servers/{server_id}/action"
            self.assertEqual(self.cyclades.cloud.nova("POST", path, {action: None}).status, 202)
            self.cyclades.settle()
            self.assertEqual(
                (self.cyclades.show(server_id)["status"], instance["status"]), (status, state)
            )
        self.cyclades.cloud.nova("DELETE", f"/servers/{server_id}")
        self.cyclades.settle()
        self.assertEqual(self.cluster.held.instances, {})
        self.assertEqual(self.cyclades.cloud.nova("GET", f"/servers/{server_id}").status, 404)

    def test_failure_on_demand(self) -> None:
        """A create that fails is told with the cluster's words."""
        self.cluster.failures["OP_INSTANCE_CREATE"] = "no room"
        server_id = self.cyclades.cloud.create()
        self.cyclades.settle()
        shown = self.cyclades.show(server_id)
        self.assertEqual((shown["status"], shown["fault"]["message"]), ("ERROR", "no room"))

    def test_refusal_on_demand(self) -> None:
        """A wish that is refused makes no job."""
        self.cluster.refusals["/2/instances"] = "never"
        server_id = self.cyclades.cloud.create()
        self.cyclades.settle()
        self.assertEqual(self.cyclades.show(server_id)["fault"]["message"], "never")
