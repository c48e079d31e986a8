"""
`synnefo-api`: the HTTP services, and the performer of the wishes that they write.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from archipelagod.wire.client import BlockClient
from synnefo_tx.account.api.routes import account_router
from synnefo_tx.compute.api.routes import compute_router
from synnefo_tx.daemon.private_files import secret_in
from synnefo_tx.effect.clusters import Clusters, rapi_over
from synnefo_tx.effect.perform import Performer
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.routes import identity_context, identity_router
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.catalog import own_services
from synnefo_tx.identity.key_watch import KeyWatch
from synnefo_tx.identity.keys import load_or_create_keys
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.rows.catalog import ensure
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.image import streams
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.image.convert import QemuConverter
from synnefo_tx.image.sweep import sweep
from synnefo_tx.network.api.routes import network_router
from synnefo_tx.processes.first_start import fill, give_image
from synnefo_tx.processes.settings import ApiSettings
from synnefo_tx.processes.site import site
from synnefo_tx.quota.rows import resources
from synnefo_tx.store.database import Database, DatabaseThreads
from synnefo_tx.store.schema import upgrade

UPKEEP_EVERY_S = 30.0


class ApiService(Service):
    """
    Starts by bringing the database up to date, then listens.
    """

    _log = Logger()

    def __init__(self, settings: ApiSettings, reactor: Any) -> None:
        self._settings = settings
        self._reactor = reactor
        self._threads = DatabaseThreads(reactor, settings.database_url)
        self._begun: Deferred[None] | None = None
        self._port: Any = None
        self._parts: list[Any] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._upkeep: LoopingCall | None = None

    def startService(self) -> None:
        super().startService()
        self._begun = Deferred.fromCoroutine(self._begin())
        self._begun.addErrback(self._could_not_begin)

    def _could_not_begin(self, failure: Any) -> None:
        self._log.failure("synnefo-api can't start", failure=failure)
        if self._reactor.running:
            self._reactor.stop()

    async def _begin(self) -> None:
        database = self._threads.start()
        await deferToThread(upgrade, database.engine)
        secret = await deferToThread(secret_in, Path(self._settings.block_secret_file))
        client = BlockClient(self._reactor, self._settings.block_endpoint, secret.encode())
        self._closers.append(client.close)
        blocks: IBlocks = IBlocks(client)
        passwords = Passwords(deferToThread)
        await self._fill(database, passwords)
        performer = self._performer(database)
        routers = await self._routers(database, passwords, performer, blocks)
        self._port = self._reactor.listenTCP(
            self._settings.port,
            site(self._reactor, routers, database, streams),
            interface=self._settings.host,
            backlog=511,
        )
        self._log.info(
            "the API listens on {host}:{port}",
            host=self._settings.host,
            port=self._port.getHost().port,
        )
        performer.startService()
        self._keep_up(database, blocks)

    async def _fill(self, database: Database, passwords: Passwords) -> None:
        await database.write(resources.ensure)
        first = self._settings.first_start
        if first is not None:
            auth_url = f"{self._base_url()}/identity/v3"
            await fill(database, first, auth_url, passwords.hash_now, _now_us(), _tell)
        await database.write(ensure, own_services())

    def _keep_up(self, database: Database, blocks: IBlocks) -> None:
        async def once() -> None:
            try:
                await sweep(database, blocks, time.time())
                await self._give_image(database, blocks)
            except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again later
                self._log.failure("images were not looked after")

        self._upkeep = LoopingCall(lambda: Deferred.fromCoroutine(once()))
        self._upkeep.start(UPKEEP_EVERY_S)

    async def _give_image(self, database: Database, blocks: IBlocks) -> None:
        first = self._settings.first_start
        if first is not None:
            await give_image(database, blocks, first, time.time)

    def _performer(self, database: Database) -> Performer:
        self._clusters = Clusters(database, rapi_over(self._reactor))
        performer = Performer(self._reactor, database, self._clusters, time.time)
        self._parts.append(performer)
        return performer

    async def _routers(
        self,
        database: Database,
        passwords: Passwords,
        performer: Performer,
        blocks: IBlocks,
    ) -> list[Router]:
        settings = self._settings
        keys = await deferToThread(load_or_create_keys, Path(settings.token_keys))
        tokens = TokenBox(keys, time.time, settings.token_lifetime_s)
        watch = KeyWatch(settings.token_keys, tokens, deferToThread, time.time, self._reactor)
        authenticator = Authenticator(database, tokens, time.time, keys=watch)
        for part in (watch, authenticator):
            part.startService()
            self._parts.append(part)
        converter = QemuConverter(self._reactor, settings.nbd_socket)
        usual = (authenticator, time.time, settings.public_url)
        secrets = await deferToThread(load_or_create_keys, settings.secret_keys_directory)
        context = identity_context(
            database,
            tokens,
            passwords,
            time.time,
            authenticator,
            SecretBox(secrets),
            settings.security_compliance,
        )
        makers: list[Callable[[], Router]] = [
            lambda: identity_router(context, settings.public_url),
            lambda: compute_router(database, *usual, performer.kick, self._clusters.console_log),
            lambda: network_router(database, *usual),
            lambda: account_router(database, *usual),
            lambda: image_router(database, blocks, *usual, converter),
        ]
        # In threads: hundreds of routes take a tenth of a second to compile.
        return [await deferToThread(make) for make in makers]

    def _base_url(self) -> str:
        if self._settings.public_url:
            return self._settings.public_url.rstrip("/")
        host = self._settings.host
        return f"http://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{self._settings.port}"

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        if self._upkeep is not None and self._upkeep.running:
            self._upkeep.stop()
        for part in reversed(self._parts):
            await maybeDeferred(part.stopService)
        for close in self._closers:
            await close()
        self._threads.stop()


def _tell(text: str) -> None:
    """
    To the terminal, and to no log: twistd logs what goes to sys.stderr.
    """
    terminal = sys.__stderr__
    if terminal is not None:
        terminal.write(text)
        terminal.flush()


def _now_us() -> int:
    return int(time.time() * 1e6)
