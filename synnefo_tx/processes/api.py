"""
`synnefo-api`: the HTTP services, and the performers of the wishes that they write.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from synnefo_tx.account.api.routes import account_router
from synnefo_tx.compute.api.routes import compute_router
from synnefo_tx.effect.clusters import Clusters, rapi_over
from synnefo_tx.effect.perform import Performer
from synnefo_tx.events.api.routes import events_router
from synnefo_tx.events.hub import Hub
from synnefo_tx.events.posting import Allowed, poster
from synnefo_tx.events.sender import Sender
from synnefo_tx.http.cloud import Cloud
from synnefo_tx.http.metrics import Metrics
from synnefo_tx.http.proxies import Proxies
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.routes import identity_context, identity_router
from synnefo_tx.identity.authenticator import Authenticator
from synnefo_tx.identity.key_watch import KeyWatch
from synnefo_tx.identity.keys import load_or_create_keys
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.secret_box import SecretBox
from synnefo_tx.identity.shared_throttle import SharedThrottle
from synnefo_tx.identity.throttle import Throttle
from synnefo_tx.identity.tokens import TokenBox
from synnefo_tx.image import streams
from synnefo_tx.image.api.routes import image_router
from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.image.convert import QemuConverter
from synnefo_tx.network.api.routes import network_router
from synnefo_tx.openid.api.routes import openid_router
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.routes import add_people
from synnefo_tx.people.external.ldap.passwords import DirectoryPasswords
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.settle import Settle
from synnefo_tx.people.mail.sender import mail_sender
from synnefo_tx.people.rows.admission import PeopleAdmission
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.processes.drift_gauges import DriftGauges
from synnefo_tx.processes.old_commissions import OldCommissions
from synnefo_tx.processes.settings import ApiSettings
from synnefo_tx.processes.shared_port import BACKLOG
from synnefo_tx.processes.site import site
from synnefo_tx.processes.telling import cloud_notifier
from synnefo_tx.processes.upkeep import Upkeep, block_client
from synnefo_tx.store.database import Database, DatabaseThreads
from synnefo_tx.volume.api.routes import volume_router
from synnefo_tx.volume.blocks import BlockPerformer


class ApiService(Service):
    """
    Starts by bringing the database up to date, then listens.

    ready: called once it listens.  listen: gives the port that accepts for a site; left out: on
    host and port.  worker: our number among several, whose parent keeps the database up; None:
    there are no others.
    """

    _log = Logger()

    def __init__(
        self,
        settings: ApiSettings,
        reactor: Any,
        ready: Callable[[], None] = lambda: None,
        listen: Callable[[Any], Any] | None = None,
        worker: int | None = None,
    ) -> None:
        self._settings = settings
        self._reactor = reactor
        self._ready = ready
        self._listen = listen or self._listen_alone
        self._worker = worker
        self._threads = DatabaseThreads(reactor, settings.database_url)
        self._begun: Deferred[None] | None = None
        self._port: Any = None
        self._parts: list[Any] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._upkeep: Upkeep | None = None
        self._metrics = Metrics()
        self._look_again: Callable[[], None] = lambda: None

    def startService(self) -> None:
        super().startService()
        self._begun = Deferred.fromCoroutine(self._begin())
        self._begun.addErrback(self._could_not_begin)

    def _could_not_begin(self, failure: Any) -> None:
        self._log.failure("synnefo-api can't start", failure=failure)
        if self._reactor.running:
            self._reactor.stop()

    def look_again(self) -> None:
        """
        Take nothing for known: neither keys nor accounts.
        """
        self._look_again()

    async def _begin(self) -> None:
        database = self._threads.start()
        client = await block_client(self._settings, self._reactor)
        self._closers.append(client.close)
        passwords = Passwords(deferToThread)
        if self._worker is None:
            self._upkeep = Upkeep(self._settings, database, client, self._reactor)
            await self._upkeep.prepare(passwords)
        performer = self._performer(database)
        storage = BlockPerformer(self._reactor, database, IBlocks(client), time.time)
        self._parts.append(storage)

        def kick() -> None:
            performer.kick()
            storage.kick()

        routers = await self._routers(database, passwords, kick, IBlocks(client))
        proxies = Proxies.of(self._settings.trusted_proxies)
        self._port = self._listen(site(self._reactor, routers, database, streams, proxies))
        self._log.info(
            "the API listens on {host}:{port}",
            host=self._settings.host,
            port=self._port.getHost().port,
        )
        self._listen_for_metrics()
        performer.startService()
        storage.startService()
        if self._upkeep is not None:
            self._upkeep.start()
        self._ready()

    def _listen_alone(self, factory: Any) -> Any:
        return self._reactor.listenTCP(
            self._settings.port, factory, interface=self._settings.host, backlog=BACKLOG
        )

    def _listen_for_metrics(self) -> None:
        host, first = self._settings.metrics_host, self._settings.metrics_port
        if first is not None:
            port = first + (self._worker or 0)
            listening = self._reactor.listenTCP(port, self._metrics.site(), interface=host)
            self._closers.append(lambda: maybeDeferred(listening.stopListening))

    def _performer(self, database: Database) -> Performer:
        self._clusters = Clusters(database, rapi_over(self._reactor))
        performer = Performer(self._reactor, database, self._clusters, time.time)
        self._parts.append(performer)
        return performer

    async def _routers(
        self,
        database: Database,
        passwords: Passwords,
        kick: Callable[[], None],
        blocks: IBlocks,
    ) -> list[Router]:
        settings = self._settings
        keys = await deferToThread(load_or_create_keys, Path(settings.token_keys))
        tokens = TokenBox(keys, time.time, settings.token_lifetime_s)
        watch = KeyWatch(settings.token_keys, tokens, deferToThread, time.time, self._reactor)
        authenticator = Authenticator(database, tokens, time.time, keys=watch)
        self._metrics.watch(
            "synnefo_revocations_age_seconds",
            "Since revocations of other processes were last asked for.",
            authenticator.age_s,
        )
        secrets, secrets_watch = await self._secrets()
        self._look_again = lambda: _forget(watch, secrets_watch, authenticator)
        waiting = OldCommissions(database, time.time, self._metrics, self._reactor)
        drift = DriftGauges(database, time.time, self._metrics, self._reactor)
        for part in (watch, secrets_watch, authenticator, waiting, drift):
            part.startService()
            self._parts.append(part)
        converter = QemuConverter(self._reactor, settings.nbd_socket)
        cloud = Cloud(
            database=database,
            authenticate=authenticator,
            clock=time.time,
            kick=kick,
            clusters=self._clusters,
            blocks=blocks,
            public_url=settings.public_url,
        )
        hub = self._hub(database)
        providers = await deferToThread(Providers.of, settings.log_in, self._reactor, time.time)
        follower = cloud_follower(settings.personal_projects)
        settle = Settle(database, time.time, tokens.horizon_s, authenticator.look_again, follower)
        for service in providers.services(settle, self._reactor):
            service.startService()
            self._parts.append(service)
        registry, mark = self._metrics.registry, None if self._is_alone() else secrets.mark
        throttle = Throttle(time.time, registry=registry, mark=mark)
        context = identity_context(
            database,
            tokens,
            passwords,
            time.time,
            authenticator,
            secrets,
            settings.security_compliance,
            throttle=self._shared(database, throttle),
            follower=follower,
            elsewhere=DirectoryPasswords(providers, settle) if providers.ldap else None,
            admission=PeopleAdmission(),
        )
        await self._send_mail(database)
        post = poster(self._reactor, Allowed(settings.webhook_networks))
        sender = Sender(database, secrets, post, time.time, self._reactor)
        sender.startService()
        self._parts.append(sender)
        people = People(context, settings.sign_up, settings.base_url, registry, mark)
        self._shared(database, people.throttle)
        makers: list[Callable[[], Router]] = [
            lambda: identity_router(context, settings.public_url),
            lambda: compute_router(cloud),
            lambda: network_router(cloud),
            lambda: account_router(
                database,
                authenticator,
                time.time,
                settings.public_url,
                cloud_notifier(settings),
                horizon_s=tokens.horizon_s,
                look_again=authenticator.look_again,
                services=context.catalog.services,
                add_further=lambda router: add_people(router, people, providers),
            ),
            lambda: openid_router(context, settings.public_url),
            lambda: image_router(cloud, converter),
            lambda: volume_router(cloud),
            lambda: events_router(cloud, hub, secrets),
        ]
        # In threads: hundreds of routes take a tenth of a second to compile.
        routers = [await deferToThread(make) for make in makers]
        for router in routers:
            router.answered = self._metrics.answered
        return routers

    def _hub(self, database: Database) -> Hub:
        hub = Hub(database, time.time, self._reactor)
        hub.startService()
        self._parts.append(hub)
        self._metrics.watch(
            "synnefo_event_streams", "Clients that follow events.", lambda: hub.followers
        )
        return hub

    def _is_alone(self) -> bool:
        """
        Whether no other process may serve the same database.
        """
        return self._worker is None and self._settings.database_url.startswith("sqlite")

    def _shared(self, database: Database, throttle: Throttle) -> Throttle:
        """
        The throttle, which tells other workers what it counts.
        """
        if not self._is_alone():
            shared = SharedThrottle(throttle, database, time.time, self._reactor)
            shared.startService()
            self._parts.append(shared)
        return throttle

    async def _send_mail(self, database: Database) -> None:
        mail, registry = self._settings.mail, self._metrics.registry
        making = deferToThread(mail_sender, database, mail, registry, time.time, self._reactor)
        sender = await making
        sender.startService()
        self._parts.append(sender)

    async def _secrets(self) -> tuple[SecretBox, KeyWatch]:
        directory = self._settings.secret_keys_directory
        box = SecretBox(await deferToThread(load_or_create_keys, directory))
        return box, KeyWatch(directory, box, deferToThread, time.time, self._reactor)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        if self._upkeep is not None:
            await self._upkeep.stop()
        for part in reversed(self._parts):
            await maybeDeferred(part.stopService)
        for close in self._closers:
            await close()
        self._threads.stop()


def _forget(*known: KeyWatch | Authenticator) -> None:
    for one in known:
        one.look_again()
