"""
What jobs have another node do: the same as on the master itself, by node RPC.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import Client, create_body
from tests.ganetid.node.cluster_of_three import ManyTestCase, until
from tests.ganetid.os.system import write_system

CREATE = """\
echo "on $INSTANCE_NAME"
echo '{"type": "image-info", "messages": ["half way"]}'
printf there | dd of="$DISK_0_PATH" conv=notrunc 2>/dev/null
"""


class TwoNodesTests(ManyTestCase):
    """node1 is the master, the instance is on node2."""

    def run_test(self, test: Any) -> Deferred[None]:
        place = write_system(self.directory / "os", "tiny", {"create": CREATE})
        (place / "parameters.list").write_text("")

        async def run() -> None:
            systems = (str(self.directory / "os"),)
            await self.start("node1", os_search_path=systems)
            await self.join("node1", "node2")
            await self.stop("node2")
            await self.start("node2", role="node", os_search_path=systems)
            await test(self.client("node1"))

        return Deferred.fromCoroutine(run())

    async def done(self, client: Client, *request: Any) -> Any:
        job = await client.job(*request)
        self.assertEqual(job["status"], "success", job["opresult"])
        return job

    def progress(self) -> list[Any]:
        told = [body for key, body in self.listener.heard if key.endswith(".progress")]
        return [(each["instance"], each["messages"]) for each in told]

    def test_from_afar(self) -> Deferred[None]:
        """A system is installed, devices come and go, disks grow, are exported and come back."""

        async def check(client: Client) -> None:
            _, names = await client.call("GET", "/2/os")
            self.assertIn("tiny+small", names)
            body = create_body("inst", pnode="node2", disk_template="file", os_type="tiny+small",
                               disks=[{"name": "d0", "size": 8}], osparams_private={})  # fmt: skip
            job = await self.done(client, "POST", "/2/instances", body)
            self.assertIn("on inst", str(job["oplog"]))
            await until(self.progress, "progress of the other node")
            self.assertEqual(self.progress(), [("inst", ["half way"])])
            changes = {"disks": [["add", -1, {"name": "d1", "size": 8}]],
                       "nics": [["add", -1, {}]], "hotplug": True}  # fmt: skip
            await self.done(client, "PUT", "/2/instances/inst/modify", changes)
            guest = self.hypervisors["node2"].guest("inst")
            self.assertEqual((len(guest.drives), len(guest.nics)), (2, 1))
            await self.done(client, "POST", "/2/instances/inst/disk/1/grow", {"amount": 8})
            path = self.directory / "node2" / "disks" / "inst"
            self.assertEqual((path / "d0.raw").read_bytes()[:5], b"there")
            self.assertEqual((path / "d1.raw").stat().st_size, 16 * 1024**2)
            wish = {"mode": "local", "destination": "node2"}
            job = await self.done(client, "PUT", "/2/instances/inst/export", wish)
            self.assertEqual(job["opresult"], [[True, [True, True]]])
            copy = create_body("copy", mode="import", src_path="inst", src_node="node2", disks=[],
                               os_type=None, disk_template=None, osparams_private={})  # fmt: skip
            await self.done(client, "POST", "/2/instances", copy)
            path = self.directory / "node2" / "disks" / "copy"
            self.assertIn(b"there", {each.read_bytes()[:5] for each in path.iterdir()})
            query = "storage_type=file&output_fields=name,free,node"
            job = await self.done(client, "GET", f"/2/nodes/node2/storage?{query}")
            self.assertEqual(job["opresult"][0][0][2], "node2")

        return self.run_test(check)
