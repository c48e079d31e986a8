"""
What one process of a machine does for all: bring the database up to date, fill it, and look after
images and chores.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from archipelagod.wire.client import BlockClient
from synnefo_tx.account.rows.following import ensure_accounts
from synnefo_tx.daemon.private_files import secret_in
from synnefo_tx.identity.catalog import own_services
from synnefo_tx.identity.passwords import Passwords
from synnefo_tx.identity.rows.catalog import ensure
from synnefo_tx.identity.tokens import horizon_of
from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.image.sweep import sweep
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.processes.chores import Chores
from synnefo_tx.processes.first_start import fill, give_image
from synnefo_tx.processes.settings import ApiSettings
from synnefo_tx.processes.telling import cloud_notifier
from synnefo_tx.quota.over import IOverQuota
from synnefo_tx.quota.policy_program import ProgramPolicy
from synnefo_tx.quota.rows import resources
from synnefo_tx.store.database import Database
from synnefo_tx.store.schema import upgrade

UPKEEP_EVERY_S = 30.0


async def block_client(settings: ApiSettings, reactor: Any) -> BlockClient:
    """
    A client of the storage daemon.
    """
    secret = await deferToThread(secret_in, Path(settings.block_secret_file))
    return BlockClient(reactor, settings.block_endpoint, secret.encode())


class Upkeep:
    """
    `prepare` the database, then `start`.
    """

    _log = Logger()

    def __init__(
        self, settings: ApiSettings, database: Database, client: BlockClient, reactor: Any
    ) -> None:
        self._settings = settings
        self._database = database
        self._blocks: IBlocks = IBlocks(client)
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._once()))
        self._chores = Chores(
            database,
            time.time,
            horizon_of(settings.token_lifetime_s),
            cloud_follower(settings.personal_projects),
            cloud_notifier(settings),
            reactor,
            _over_quota(settings, reactor),
        )

    async def prepare(self, passwords: Passwords) -> None:
        """
        Returns when others may serve the database.
        """
        await deferToThread(upgrade, self._database.engine)
        await self._database.write(resources.ensure)
        first = self._settings.first_start
        if first is not None:
            auth_url = f"{self._settings.base_url}/identity/v3"
            await fill(self._database, first, auth_url, passwords.hash_now, _now_us(), _tell)
        await self._database.write(ensure, own_services())
        await self._database.write(ensure_accounts, self._settings.personal_projects, _now_us())

    def start(self) -> None:
        """
        Look after images and chores from now on.
        """
        self._loop.start(UPKEEP_EVERY_S)
        self._chores.start()

    async def stop(self) -> None:
        """
        No more; returns when no chore is under way.
        """
        if self._loop.running:
            self._loop.stop()
        await self._chores.stop()

    async def _once(self) -> None:
        first = self._settings.first_start
        try:
            await sweep(self._database, self._blocks, time.time())
            if first is not None:
                await give_image(self._database, self._blocks, first, time.time)
        except Exception:  # noqa: BLE001 - the edge of a service: logged, tried again later
            self._log.failure("images were not looked after")


def _over_quota(settings: ApiSettings, reactor: Any) -> IOverQuota | None:
    program = settings.over_quota_program
    return IOverQuota(ProgramPolicy(reactor, program)) if program else None


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
