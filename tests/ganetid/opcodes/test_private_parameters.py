"""
Parameters of systems that are not for every eye: kept where they must be, and shown nowhere.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.ganetid.cluster import Client, ClusterTestCase, create_body
from tests.ganetid.os.system import write_system

CREATE = """\
exec 2>/dev/null
printf "%s/%s/%s." "$OSP_KEY" "$OSP_ONCE" "$OSP_SITE" | dd of="$DISK_0_PATH" conv=notrunc
"""
SECRETS = ("priv4te", "s3cret", "cl0ak", "n3wer")


class PrivateParameterTests(ClusterTestCase):
    """An instance whose system takes a private parameter, a secret one, and one of the cluster."""

    def run_test(self, test: Any) -> Deferred[None]:
        place = write_system(self.directory / "os", "tiny", {"create": CREATE})
        (place / "parameters.list").write_text("key a\nonce b\nsite c\nopen d\n")

        async def run() -> None:
            await test(await self.start(os_search_path=(str(self.directory / "os"),)))

        return Deferred.fromCoroutine(run())

    def body(self, **changes: Any) -> dict[str, Any]:
        return create_body("inst", **{
            "disk_template": "file", "disks": [{"size": 8}], "os_type": "tiny+small",
            "osparams": {"open": "all"}, "osparams_private": {"key": "priv4te"},
            "osparams_secret": {"once": "s3cret"}, "start": False, **changes,
        })  # fmt: skip

    async def done(self, client: Client, *request: Any) -> dict[str, Any]:
        job = await client.job(*request)
        self.assertEqual(job["status"], "success", job["opresult"])
        return job

    def content(self) -> str:
        (path,) = Path(self.directory / "g" / "disks" / "inst").iterdir()
        return path.read_bytes()[:64].split(b".")[0].decode()

    def test_used_and_kept(self) -> Deferred[None]:
        """
        Scripts get all of them; a reinstallation, also after a restart, gets again what is kept:
        the private ones, not the secret.
        """

        async def check(client: Client) -> None:
            params = {"osparams_private_cluster": {"tiny": {"site": "cl0ak"}}}
            await self.done(client, "PUT", "/2/modify", params)
            await self.done(client, "POST", "/2/instances", self.body())
            self.assertEqual(self.content(), "priv4te/s3cret/cl0ak")
            client = await self.restart(os_search_path=(str(self.directory / "os"),))
            again = {"start": False}
            await self.done(client, "POST", "/2/instances/inst/reinstall", again)
            self.assertEqual(self.content(), "priv4te//cl0ak")
            job = await self.done(client, "PUT", "/2/instances/inst/modify",
                                  {"osparams_private": {"key": "n3wer"}})  # fmt: skip
            self.assertEqual(job["opresult"], [[["os_private/key", "Private(?, descr='key')"]]])
            await self.done(client, "POST", "/2/instances/inst/reinstall", again)
            self.assertEqual(self.content(), "n3wer//cl0ak")
            again["osparams_private"] = {"key": "default"}  # type: ignore[assignment]
            await self.done(client, "POST", "/2/instances/inst/reinstall", again)
            self.assertEqual(self.content(), "//cl0ak")

        return self.run_test(check)

    def test_shown_nowhere(self) -> Deferred[None]:
        """Not in a job, a query, the news, a log, nor in what the journal keeps of jobs."""

        async def check(client: Client) -> None:
            params = {"osparams_private_cluster": {"tiny": {"site": "cl0ak"}}}
            jobs = [await self.done(client, "PUT", "/2/modify", params)]
            jobs.append(await self.done(client, "POST", "/2/instances", self.body()))
            shown = jobs[1]["ops"][0]
            self.assertEqual(shown["osparams_private"], {"key": "<redacted>"})
            self.assertEqual(shown["osparams_secret"], {"once": "<redacted>"})
            self.assertEqual(shown["osparams"], {"open": "all"})
            modified = {"osparams_private": {"key": "n3wer"}}
            jobs.append(await self.done(client, "PUT", "/2/instances/inst/modify", modified))
            seen = [jobs, self.listener.heard]
            paths = ("/2/instances/inst", "/2/info", "/2/jobs?bulk=1", "/2/instances?bulk=1")
            seen += [(await client.call("GET", path))[1] for path in paths]
            seen.append(await client.job("GET", "/2/instances/inst/info"))
            everything = json.dumps(seen)
            for secret in SECRETS:
                self.assertNotIn(secret, everything)
            await self.services[-1].stopService()
            self.assert_nothing_left(self.directory / "g")

        return self.run_test(check)

    def assert_nothing_left(self, state: Path) -> None:
        """In the journal's tables but the configuration's, and in logs."""
        database = sqlite3.connect(state / "cluster.db")
        rows = [
            repr(row)
            for table in ("jobs", "job_secrets", "outbox", "told")
            for row in database.execute(f"SELECT * FROM {table}")
        ]
        database.close()
        logs = [path.read_text() for path in (state / "log").rglob("*.log")]
        for secret in SECRETS:
            self.assertNotIn(secret, "".join(rows + logs))

    def test_exported(self) -> Deferred[None]:
        """An export has what is kept, readable to its owner alone, and gives it to a copy."""

        async def check(client: Client) -> None:
            await self.done(client, "POST", "/2/instances", self.body())
            wish = {"mode": "local", "destination": "node1"}
            await self.done(client, "PUT", "/2/instances/inst/export", wish)
            place = self.directory / "g" / "export"
            self.assertEqual(place.joinpath("inst").stat().st_mode & 0o077, 0)
            body = {"mode": "import", "src_path": "inst", "disks": [], "os_type": None,
                    "disk_template": None, "osparams": {}, "osparams_private": {},
                    "osparams_secret": {}}  # fmt: skip
            await self.done(client, "DELETE", "/2/instances/inst")
            await self.done(client, "POST", "/2/instances", self.body(**body))
            await self.done(client, "POST", "/2/instances/inst/reinstall", {"start": False})
            self.assertEqual(self.content(), "priv4te//")

        return self.run_test(check)

    def test_of_two_kinds(self) -> Deferred[None]:
        """A parameter is public, private or secret; nothing is made of one that is two."""

        async def check(client: Client) -> None:
            body = self.body(osparams={"key": "open"})
            job = await client.job("POST", "/2/instances", body)
            self.assertIn("Cannot assign multiple values to OS parameters", str(job["opresult"]))
            self.assertIn("at private visibility: 'key'", str(job["opresult"]))
            self.assertEqual(list((self.directory / "g" / "disks").iterdir()), [])
            await self.done(client, "POST", "/2/instances", self.body())
            both = {"osparams": {"key": "1"}, "osparams_private": {"key": "2"}}
            job = await client.job("PUT", "/2/instances/inst/modify", both)
            self.assertIn("OS parameters repeated multiple times: key", str(job["opresult"]))
            unknown = {"osparams_private": {"nonsense": "2"}}
            job = await client.job("PUT", "/2/instances/inst/modify", unknown)
            self.assertIn("not supported by the OS tiny: nonsense", str(job["opresult"]))

        return self.run_test(check)
