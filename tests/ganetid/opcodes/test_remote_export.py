"""
Instances that go from one cluster to another, over TLS.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from ganetid.node.transfers import Transfers
from ganetid.opcodes import handshake
from ganetid.opcodes.errors import OpPrereqError
from tests.ganetid.cluster import Client, ClusterTestCase, create_body

MIB = 1024 * 1024


class Intruder(Protocol):
    """Says its words as soon as it is connected; `ended` fires with the end's reason."""

    transport: Any

    def __init__(self, words: bytes) -> None:
        self.words = words
        self.ended: Deferred[Any] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self.words)

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.callback(reason.value)


class HandshakeTests(SynchronousTestCase):
    """The words of two clusters."""

    def refused(self, text: str, call: Any, *arguments: Any) -> None:
        error = self.assertRaises(OpPrereqError, call, *arguments)
        self.assertIn(text, error.args[0])

    def test_as_ganeti_says_them(self) -> None:
        """Digests are Ganeti's; this one was made by its own code, with this secret and salt."""
        given = [0, "151422b1ca9fabe10a56a958ba9f3f50f31839ee", "0123456789abcdef"]
        handshake.check_greeting("secret", given)
        self.refused("domain secret", handshake.check_greeting, "other", given)

    def test_there_and_back(self) -> None:
        """What one has signed the other takes, but for another disk, place or secret."""
        handshake.check_greeting("s", handshake.greeting("s"))
        self.refused("protocol", handshake.check_greeting, "s", self.greeting_of_version(1))
        self.refused("Invalid data", handshake.check_greeting, "s", [1])
        self.assertEqual(
            handshake.checked_name("s", handshake.signed_name("s", "x509-1")), "x509-1"
        )
        self.refused("HMAC for X509", handshake.checked_name, "s", ["x509-2", "aa", "bb"])
        place = handshake.Place("192.0.2.1", 4711, "ab")
        signed = handshake.signed_place("s", 0, place)
        self.assertEqual(handshake.checked_place("s", 0, signed), place)
        self.refused("disk 1: HMAC is wrong", handshake.checked_place, "s", 1, signed)
        self.refused("HMAC", handshake.checked_place, "s", 0, ["192.0.2.2", *signed[1:]])
        self.refused("HMAC", handshake.checked_place, "t", 0, signed)
        self.refused("Unable to load", handshake.checked_certificate, "s", "nonsense", "source")

    def greeting_of_version(self, version: int) -> list[Any]:
        digest = handshake._digest("s", f"{version}:{handshake.GREETING}", "ab")
        return [version, digest, "ab"]


class RemoteExportTests(ClusterTestCase):
    """Two clusters; they share the secret in a file."""

    def run_test(self, test: Any, is_trusted: bool = True) -> Deferred[None]:
        secret = self.directory / "secret"
        secret.write_text("of both\n")
        secrets = (str(secret), str(secret) if is_trusted else None)

        async def run() -> None:
            self.here = await self.start(domain_secret_file=secrets[0])
            self.world = {}
            place = str(self.directory / "h")
            self.there = await self.start(domain_secret_file=secrets[1], state_dir=place)
            body = create_body("inst", disk_template="file", osparams_private={}, no_install=True,
                               disks=[{"name": "d0", "size": 24}, {"name": "d1", "size": 1}],
                               tags=["moved"])  # fmt: skip
            job = await self.here.job("POST", "/2/instances", body)
            self.assertEqual(job["status"], "success", job["opresult"])
            for disk in ("d0", "d1"):
                with self.disk("g", disk).open("r+b") as stream:
                    stream.seek(MIB // 2)
                    stream.write(os.urandom(MIB // 2))
            await test()

        return Deferred.fromCoroutine(run())

    def disk(self, cluster: str, name: str) -> Path:
        return self.directory / cluster / "disks" / "inst" / f"{name}.raw"

    async def prepared(self) -> dict[str, Any]:
        job = await self.here.job("PUT", "/2/instances/inst/prepare-export?mode=remote")
        self.assertEqual(job["status"], "success", job["opresult"])
        told: dict[str, Any] = job["opresult"][0]
        return told

    async def awaited(self, told: dict[str, Any], **changes: Any) -> int:
        body = create_body("inst", **{
            "mode": "remote-import", "disk_template": "file", "osparams_private": {},
            "disks": [{"name": "d0", "size": 24}, {"name": "d1", "size": 1}],
            "source_handshake": told["handshake"], "source_x509_ca": told["x509_ca"],
            "source_instance_name": "inst", "start": False, **changes,
        })  # fmt: skip
        return await self.there.submit("POST", "/2/instances", body)

    async def places(self, client: Client, job: int) -> dict[str, Any]:
        """What the log of the import says for the export."""
        for _ in range(500):
            _, shown = await client.call("GET", f"/2/jobs/{job}")
            for entry in shown["oplog"][0]:
                if entry[2] == "remote-import":
                    told: dict[str, Any] = entry[3]
                    return told
            self.assertNotIn(shown["status"], {"error", "success"}, shown["opresult"])
            await deferLater(reactor, 0.02)
        raise AssertionError("nothing was said of where disks are awaited")

    async def exported(self, told: dict[str, Any], goal: dict[str, Any], **more: Any) -> Any:
        return await self.here.job("PUT", "/2/instances/inst/export", {
            "mode": "remote", "destination": goal["disks"], "shutdown": True,
            "x509_key_name": told["x509_key_name"], "destination_x509_ca": goal["x509_ca"],
            **more,
        })  # fmt: skip

    async def intrude(self, place: list[Any]) -> None:
        """Somebody who knows the magic, but has no certificate, or another one."""
        host, port, magic, *_ = place
        other = Transfers(reactor, self.directory / "other", None, None)  # type: ignore[arg-type]
        key = await other.new_key()
        pem = (self.directory / "other" / key.name / "key.pem").read_bytes()
        for options in (CertificateOptions(), PrivateCertificate.loadPEM(pem).options()):
            intruder = Intruder(f"M={magic}".encode() + bytes(MIB))
            factory = ClientFactory.forProtocol(lambda intruder=intruder: intruder)
            factory.noisy = False
            reactor.connectSSL(host, port, factory, options)  # type: ignore[attr-defined]
            reason = await intruder.ended
            self.assertIn("SSL", repr(reason), reason)

    def keys(self) -> list[Path]:
        return list(self.directory.glob("[gh]/transfers/*"))

    def test_moved(self) -> Deferred[None]:
        """All disks arrive, and the instance is then in the other cluster alone."""

        async def check() -> None:
            content = [self.disk("g", name).read_bytes() for name in ("d0", "d1")]
            told = await self.prepared()
            job = await self.awaited(told)
            goal = await self.places(self.there, job)
            await self.intrude(goal["disks"][0])
            export = await self.exported(told, goal, remove_instance=True)
            self.assertEqual(export["opresult"], [[True, [True, True]]], export["oplog"])
            ended = await self.there.ended(job)
            self.assertEqual(ended["status"], "success", ended["opresult"])
            found = [self.disk("h", name).read_bytes() for name in ("d0", "d1")]
            self.assertEqual(found, content)
            self.assertEqual((await self.here.call("GET", "/2/instances/inst"))[0], 404)
            self.assertEqual((await self.there.call("GET", "/2/instances/inst"))[0], 200)
            self.assertEqual(self.keys(), [])

        return self.run_test(check)

    def test_packed(self) -> Deferred[None]:
        """On its way the content is packed by gzip, if both sides say so."""

        async def check() -> None:
            told = await self.prepared()
            job = await self.awaited(told, compress="gzip")
            goal = await self.places(self.there, job)
            export = await self.exported(told, goal, compress="gzip")
            self.assertEqual(export["opresult"], [[True, [True, True]]], export["oplog"])
            ended = await self.there.ended(job)
            self.assertEqual(ended["status"], "success", ended["opresult"])
            for name in ("d0", "d1"):
                self.assertEqual(self.disk("h", name).read_bytes(),
                                 self.disk("g", name).read_bytes())  # fmt: skip

        return self.run_test(check)

    def test_strangers(self) -> Deferred[None]:
        """A cluster that does not know the secret neither awaits nor gets anything."""

        async def check() -> None:
            told = await self.prepared()
            job = await self.there.ended(await self.awaited(told))
            self.assertIn("don't share the same domain secret", job["opresult"][0][1][0])
            goal = {"disks": [["127.0.0.1", 1, "aa", "bb", "cc"]] * 2, "x509_ca": told["x509_ca"]}
            export = await self.exported(told, goal)
            self.assertIn("Target info for disk 0: HMAC is wrong", export["opresult"][0][1][0])
            export = await self.exported(told, {**goal, "disks": goal["disks"][:1]})
            self.assertIn("for 1 disks, but instance inst has 2", export["opresult"][0][1][0])
            forged = told["x509_ca"].replace("X-Ganeti-Signature: ", "X-Ganeti-Signature: 0")
            export = await self.exported(told, {**goal, "x509_ca": forged})
            self.assertIn("signature is invalid", export["opresult"][0][1][0])

        return self.run_test(check, is_trusted=False)

    def test_broken_off(self) -> Deferred[None]:
        """An import whose disks are too large for what comes fails, and leaves nothing."""

        async def check() -> None:
            told = await self.prepared()
            disks = [{"name": "d0", "size": 32}, {"name": "d1", "size": 1}]
            job = await self.awaited(told, disks=disks)
            goal = await self.places(self.there, job)
            await self.exported(told, goal)
            ended = await self.there.ended(job)
            self.assertEqual(ended["status"], "error")
            self.assertIn("bytes arrived", ended["opresult"][0][1][0])
            self.assertFalse(self.disk("h", "d0").exists())
            self.assertEqual((await self.there.call("GET", "/2/instances/inst"))[0], 404)
            _, shown = await self.here.call("GET", "/2/instances/inst")
            self.assertEqual(shown["status"], "ADMIN_down")
            self.assertEqual(self.keys(), [])

        return self.run_test(check)
