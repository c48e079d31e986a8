"""
A ganetid to test: the real service with its real HTTPS, and a client for it.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from ganetid.disks.blocks import MemoryBlocks, MemoryVolume
from ganetid.hypervisor.fake import FakeHypervisor
from ganetid.service import Ganetid, build_service
from ganetid.settings import GanetiSettings
from synnefo_tx.daemon.bus.interface import IPublisher, NotPublished

FINAL = ("success", "error", "canceled")
USERS = "admin secret read,write\nreader secret read\nnobody secret\n"
NAME = "snf-11111111-2222-3333-4444-555555555555"
NETWORK = "snf-net-1"


@implementer(IPolicyForHTTPS)
class TrustAnything:
    """The certificate under test is self-signed."""

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        return CertificateOptions(verify=False)


@implementer(IPublisher)
class Listener:
    """Keeps what is published; `refuses` so many messages first."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.refuses = 0

    async def publish(
        self, routing_key: str, body: bytes, headers: Mapping[str, object] | None = None
    ) -> None:
        if self.refuses:
            self.refuses -= 1
            raise NotPublished(routing_key, "the broker is away")
        self.heard.append((routing_key, json.loads(body)))

    def statuses(self, operation: str) -> list[str]:
        return [news["status"] for _, news in self.heard if news.get("operation") == operation]


class Client:
    """Calls the remote API at a port of this machine."""

    def __init__(self, port: int, user: str | None = "admin", password: str = "secret") -> None:
        self._base = f"https://127.0.0.1:{port}"
        self._agent = Agent(reactor, TrustAnything())
        self._auth = None if user is None else (user, password)

    async def send(
        self, method: str, path: str, data: bytes = b"", headers: Any = None
    ) -> tuple[int, Any, Any]:
        """(status, JSON body, headers)."""
        response = await treq.request(
            method, self._base + path, data=data, headers=headers or {},
            agent=self._agent, auth=self._auth,
        )  # fmt: skip
        body = await response.content()
        return response.code, json.loads(body), response.headers

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, JSON body) of a request with a JSON body."""
        data = b"" if body is None else json.dumps(body).encode()
        status, answer, _ = await self.send(
            method, path, data, {"content-type": "application/json"}
        )
        return status, answer

    async def submit(self, method: str, path: str, body: Any = None) -> int:
        """The id of the job that the request makes."""
        status, job = await self.call(method, path, body)
        assert status == 200, (status, job)
        assert isinstance(job, int)
        return job

    async def ended(self, job: int) -> dict[str, Any]:
        """The job once it has ended, by long polling."""
        known: list[Any] | None = None
        while True:
            body = {"fields": ["status"], "previous_job_info": known, "previous_log_serial": 9999}
            status, news = await self.call("GET", f"/2/jobs/{job}/wait", body)
            assert status == 200, news
            if news is not None:
                known = news["job_info"]
                if known[0] in FINAL:
                    return (await self.call("GET", f"/2/jobs/{job}"))[1]

    async def job(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The job that the request makes, once it has ended."""
        return await self.ended(await self.submit(method, path, body))


def create_body(name: str = NAME, **changes: Any) -> dict[str, Any]:
    """What the compute service sends to create an instance."""
    drive = {"openstack/latest/meta_data.json": base64.b64encode(b'{"uuid": "x"}').decode()}
    body = {
        "__version__": 1,
        "mode": "create",
        "instance_name": name,
        "os_type": "snf-image+default",
        "hypervisor": "fake",
        "disk_template": "ext",
        "disks": [{"name": f"vol-{name}", "size": 64, "provider": "archipelago"}],
        "nics": [],
        "beparams": {"vcpus": 1, "memory": 128},
        "hvparams": {},
        "osparams": {},
        "osparams_private": {"config_drive": json.dumps(drive)},
        "tags": ["a-tag"],
        "ip_check": False,
        "name_check": False,
        "wait_for_sync": False,
    }
    return body | changes


class ClusterTestCase(TestCase):
    """
    Starts and stops ganetids on one state directory.

    It is under /tmp with a short name, since unix sockets are in it.  What has to be stopped is
    stopped by clean-ups: trial runs these before tearDown, the last one added first.
    """

    timeout = 60

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="gnt"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "users").write_text(USERS)
        self.listener = Listener()
        self.blocks = MemoryBlocks()
        self.blocks.volumes["image"] = MemoryVolume("image", 1024 * 1024, read_only=True)
        self.world: dict[str, Any] = {}
        self.services: list[Ganetid] = []
        self.addCleanup(self.stop_services)

    def stop_services(self) -> Deferred[None]:
        async def stop() -> None:
            for service in self.services:
                if service.running:
                    await service.stopService()

        return Deferred.fromCoroutine(stop())

    def settings(self, **changes: Any) -> GanetiSettings:
        return GanetiSettings(
            **{
                "state_dir": str(self.directory / "g"),
                "users_file": str(self.directory / "users"),
                "rapi_port": 0,
                "node_name": "node1",
                "hypervisor": "fake",
                **changes,
            }
        )

    async def start(self, **changes: Any) -> Client:
        """Start a ganetid; its client."""
        self.hypervisor = FakeHypervisor(reactor, self.world)
        service = build_service(
            self.settings(**changes),
            reactor,
            self.listener,
            self.blocks,
            self.hypervisor if changes.get("hypervisor", "fake") == "fake" else None,
        )
        self.services.append(service)
        service.startService()
        await service.when_ready()
        return Client(service.rapi_port)

    async def restart(self, **changes: Any) -> Client:
        await self.services[-1].stopService()
        return await self.start(**changes)

    async def heard(self, count: int) -> None:
        """Wait until so many news have been published."""
        for _ in range(200):
            if len(self.listener.heard) >= count:
                return
            await deferLater(reactor, 0.02)
        raise AssertionError(f"only {len(self.listener.heard)} news of {count} were published")

    async def connect_network(self, client: Client, link: str = "gtbr1") -> None:
        body = {"network_name": NETWORK, "network": "10.7.0.0/24", "gateway": "10.7.0.1"}
        job = await client.job("POST", "/2/networks", body)
        self.assertEqual(job["status"], "success", job)
        body = {"group_name": "default", "network_mode": "bridged", "network_link": link}
        job = await client.job("PUT", f"/2/networks/{NETWORK}/connect", body)
        self.assertEqual(job["status"], "success", job)
