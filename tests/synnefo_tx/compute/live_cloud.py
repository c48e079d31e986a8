"""
The APIs on a loopback port, with the real identity service, for ordinary clients to speak to.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Connection
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.protocols.policies import WrappingFactory

from synnefo_tx.compute.api.routes import compute_router
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.routes import identity_context, identity_router
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.catalog import own_services
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.rows import accounts, catalog
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.image import streams
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.image.memory_blocks import MemoryBlocks
from synnefo_tx.network.api.routes import network_router
from synnefo_tx.processes.site import site
from synnefo_tx.store.memory import immediate_database
from synnefo_tx.volume.api.routes import volume_router
from tests.synnefo_tx.cloud_over import cloud_over
from tests.synnefo_tx.compute.cloud import fill
from tests.synnefo_tx.http.site import soon

PASSWORD = "correct horse"
OPENSTACK = Path(sys.executable).parent / "openstack"


class LiveCloud:
    """
    A site that a test closes by itself.  `kicks` counts the wishes that were announced.
    """

    def __init__(self, test: Any) -> None:
        self.kicks = 0
        self.database = immediate_database(Path(test.mktemp()))
        test.addCleanup(self.database.engine.dispose)
        fill(self.database)
        with self.database.engine.begin() as connection:
            _people(connection)
        served = site(reactor, self._routers(test), self.database, streams)
        self._connections = WrappingFactory(served)
        listening = reactor.listenTCP(  # type: ignore[attr-defined]
            0, self._connections, interface="127.0.0.1"
        )
        test.addCleanup(lambda: Deferred.fromCoroutine(self._hang_up()))
        test.addCleanup(listening.stopListening)
        self.url = f"http://127.0.0.1:{listening.getHost().port}"

    async def _hang_up(self) -> None:
        """
        Clients keep their connections; a test must not.
        """
        for connection in list(self._connections.protocols):
            connection.transport.abortConnection()
        await soon()

    def _routers(self, test: Any) -> list[Router]:
        tokens = TokenBox([Fernet.generate_key()], time.time, 3600)
        authenticator = Authenticator(self.database, tokens, time.time)
        authenticator.startService()
        test.addCleanup(authenticator.stopService)

        def kick() -> None:
            self.kicks += 1

        given = {"kick": kick, "clusters": self, "blocks": MemoryBlocks()}
        cloud = cloud_over(self.database, authenticator, time.time, **given)

        context = identity_context(
            self.database,
            tokens,
            Passwords(deferToThread),
            time.time,
            authenticator,
            SecretBox([Fernet.generate_key()]),
        )
        return [
            identity_router(context, None),
            compute_router(cloud),
            network_router(cloud),
            volume_router(cloud),
            image_router(cloud, None),
        ]

    async def console_log(self, cluster_id: str, _server_id: str, lines: int | None) -> str:
        """
        As the clusters tell it.
        """
        return f"{cluster_id} booted {lines}"

    def account(self) -> dict[str, str]:
        """
        What a client needs to log in.
        """
        return {
            "auth_url": f"{self.url}/identity/v3",
            "username": "carol",
            "password": PASSWORD,
            "project_name": "carols",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }

    async def openstack(self, *words: str) -> str:
        """
        What the command prints.  Raises AssertionError with its complaint when it fails.
        """
        options = [
            f"--os-{name.replace('_', '-')}={value}" for name, value in self.account().items()
        ]
        out, complaint, code = await getProcessOutputAndValue(
            str(OPENSTACK), [*options, *words], env={**os.environ, "HOME": "/nowhere"}
        )
        if code:
            raise AssertionError(f"{words}: {complaint.decode()}")
        return str(out.decode())


def _people(connection: Connection) -> None:
    catalog.ensure(connection, own_services())
    accounts.create_project(connection, "carols", "default", "carols", "")
    known = Passwords.hash_now(PASSWORD)
    accounts.create_user(connection, "carol", "default", "carol", known, "carols")
    accounts.create_role(connection, "member", "member")
    accounts.assign(connection, "carol", "carols", "member")
