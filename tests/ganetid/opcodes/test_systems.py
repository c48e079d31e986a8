"""
Operating systems of the administrator: listed, checked, and put on instances by real scripts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import Client, ClusterTestCase, create_body

SCRIPTS = ("create", "import", "export", "rename", "verify")
CREATE = """echo '{"type": "image-info", "messages": ["half way"]}'
echo "making $INSTANCE_NAME of $OS_VARIANT with $INSTANCE_BE_vcpus"
[ "$OSP_MOOD" = bad ] && exit 3
printf "made%s:$OSP_MOOD" "$INSTANCE_REINSTALL" | dd of="$DISK_0_PATH" conv=notrunc 2>/dev/null
"""


class SystemTests(ClusterTestCase):
    """What a client sees, and what is on the disk."""

    def run_test(self, test: Any) -> Deferred[None]:
        place = self.directory / "os" / "tiny"
        place.mkdir(parents=True)
        for name in SCRIPTS:
            content = CREATE if name == "create" else ""
            (place / name).write_text(f"#!/bin/sh\n{content}exit 0\n")
            (place / name).chmod(0o755)
        (place / "ganeti_api_version").write_text("20\n")
        (place / "variants.list").write_text("small\nlarge\n")
        (place / "parameters.list").write_text("mood how it feels\n")
        broken = self.directory / "os" / "broken"
        broken.mkdir()

        async def run() -> None:
            await test(await self.start(os_search_path=(str(self.directory / "os"),)))

        return Deferred.fromCoroutine(run())

    def body(self, **changes: Any) -> dict[str, Any]:
        return create_body(
            "snf-1", disk_template="file", disks=[{"size": 8}], os_type="tiny+small",
            osparams_private={}, start=False, **changes,
        )  # fmt: skip

    def content(self) -> bytes:
        (path,) = Path(self.directory / "g" / "disks" / "snf-1").iterdir()
        return path.read_bytes()[:16].rstrip(b"\0")

    def test_listed(self) -> Deferred[None]:
        """Valid ones with their variants; all of them, broken ones too, in the long form."""

        async def check(client: Client) -> None:
            _, names = await client.call("GET", "/2/os")
            self.assertEqual(
                names, ["image+default", "snf-image+default", "tiny+small", "tiny+large"]
            )
            _, known = await client.call("GET", "/2/os?bulk=1")
            validity = {each["name"]: each["valid"] for each in known}
            self.assertEqual(validity["tiny"], True)
            self.assertEqual(validity["broken"], False)
            await client.job("PUT", "/2/modify", {"hidden_os": [["add", "tiny"]]})
            _, names = await client.call("GET", "/2/os")
            self.assertNotIn("tiny+small", names)

        return self.run_test(check)

    def test_hidden_and_blacklisted(self) -> Deferred[None]:
        """Of a hidden system instances can be made, of a blacklisted one not; neither is listed."""

        async def check(client: Client) -> None:
            wish = {"hidden_os": [["add", "tiny+large"]], "blacklisted_os": [["add", "tiny+small"]]}
            await client.job("PUT", "/2/modify", wish)
            _, names = await client.call("GET", "/2/os")
            self.assertEqual(names, ["image+default", "snf-image+default"])
            small = await client.job("POST", "/2/instances", self.body())
            words = "Guest OS 'tiny+small' is not allowed for installation"
            self.assertEqual(small["opresult"], [["OpPrereqError", [words, "wrong_state"]]])
            large = await client.job(
                "POST", "/2/instances", {**self.body(), "os_type": "tiny+large"}
            )
            self.assertEqual(large["status"], "success", large["opresult"])
            await client.job("PUT", "/2/modify", {"blacklisted_os": [["add", "tiny"]]})
            _, known = await client.call("GET", "/2/os?bulk=1")
            told = {each["name"]: each["blacklisted"] for each in known}
            self.assertEqual((told["tiny"], told["broken"]), (True, False))
            again = await client.job("POST", "/2/instances/snf-1/reinstall", {"start": False})
            self.assertEqual(again["status"], "success", again["opresult"])

        return self.run_test(check)

    def test_made_and_made_again(self) -> Deferred[None]:
        """The create script writes the disk, and again when it is reinstalled."""

        async def check(client: Client) -> None:
            job = await client.job("POST", "/2/instances", self.body(osparams={"mood": "good"}))
            self.assertEqual(job["status"], "success", job["opresult"])
            self.assertIn("making snf-1 of small", str(job["oplog"]))
            self.assertEqual(self.content(), b"made:good")
            told = [news for key, news in self.listener.heard if key.endswith(".progress")]
            self.assertEqual([(each["instance"], each["messages"]) for each in told],
                             [("snf-1", ["half way"])])  # fmt: skip
            job = await client.job("POST", "/2/instances/snf-1/reinstall", {
                "start": False, "osparams": {"mood": "fine"}})  # fmt: skip
            self.assertEqual(job["status"], "success", job["opresult"])
            self.assertEqual(self.content(), b"made1:fine")

        return self.run_test(check)

    def test_clusters_parameters(self) -> Deferred[None]:
        """Scripts are told the cluster's parameters where the instance has none of its own."""

        async def check(client: Client) -> None:
            await client.job("PUT", "/2/modify", {"beparams": {"vcpus": 3}})
            body = self.body(beparams={"memory": 128})
            job = await client.job("POST", "/2/instances", body)
            self.assertIn("making snf-1 of small with 3", str(job["oplog"]))

        return self.run_test(check)

    def test_refused(self) -> Deferred[None]:
        """What can't be is refused before anything is made, in Ganeti's words."""

        async def check(client: Client) -> None:
            for change, text in (
                ({"os_type": "tiny"}, "must include a variant"),
                ({"os_type": "tiny+huge"}, "does not support variant 'huge'"),
                ({"os_type": "absent"}, "absent"),
                ({"os_type": "broken"}, "broken"),
                ({"osparams": {"colour": "red"}}, "not supported by the OS tiny: colour"),
            ):
                job = await client.job("POST", "/2/instances", {**self.body(), **change})
                self.assertEqual(job["opresult"][0][0], "OpPrereqError", job["opresult"])
                self.assertIn(text, job["opresult"][0][1][0])
            self.assertEqual(list((self.directory / "g" / "disks").iterdir()), [])

        return self.run_test(check)

    def test_script_that_fails(self) -> Deferred[None]:
        """When the create script fails, all that was made goes."""

        async def check(client: Client) -> None:
            job = await client.job("POST", "/2/instances", self.body(osparams={"mood": "bad"}))
            self.assertEqual(job["opresult"][0][0], "OpExecError", job["opresult"])
            self.assertEqual((await client.call("GET", "/2/instances/snf-1"))[0], 404)
            left = [path for path in (self.directory / "g" / "disks").rglob("*") if path.is_file()]
            self.assertEqual(left, [])

        return self.run_test(check)

    def test_export(self) -> Deferred[None]:
        """A disk's content and the instance's facts are in its export, until that is removed."""

        async def check(client: Client) -> None:
            await client.job("POST", "/2/instances", self.body(osparams={"mood": "good"}))
            path = "/2/instances/snf-1/export"
            job = await client.job("PUT", path, {"mode": "local", "destination": "node1"})
            self.assertEqual((job["status"], job["opresult"]), ("success", [[True, [True]]]))
            place = self.directory / "g" / "export" / "snf-1"
            self.assertEqual((place / "disk0.img").read_bytes()[:9], b"made:good")
            config = (place / "config.ini").read_text()
            self.assertIn("disk0_dump = disk0.img", config)
            self.assertIn("name = snf-1", config)
            _, told = await client.call("GET", "/2/query/export?fields=node,export")
            self.assertEqual(told["data"], [[[0, "node1"], [0, "snf-1"]]])
            job = await client.job("POST", "/2/instances", create_body(
                "snf-2", mode="import", src_path="snf-1", disks=[], os_type=None,
                disk_template=None, osparams_private={}, start=False))  # fmt: skip
            self.assertEqual(job["status"], "success", job["opresult"])
            (disk,) = (self.directory / "g" / "disks" / "snf-2").iterdir()
            self.assertEqual(disk.read_bytes()[:9], b"made:good")
            _, copy = await client.call("GET", "/2/instances/snf-2")
            self.assertEqual((copy["os"], copy["disk.sizes"]), ("tiny+small", [8]))
            job = await client.job("POST", "/2/instances", create_body(
                "snf-3", mode="import", src_path="absent", disks=[]))  # fmt: skip
            self.assertIn("No export found", job["opresult"][0][1][0])
            job = await client.job("DELETE", path)
            self.assertEqual(job["status"], "success", job)
            self.assertFalse(place.exists())
            _, told = await client.call("GET", "/2/query/export?fields=node,export")
            self.assertEqual(told["data"], [[[0, "node1"], [2, None]]])
            job = await client.job("DELETE", path)
            self.assertEqual(job["opresult"][0][1][1], "unknown_entity")

        return self.run_test(check)
