"""
The `synnefo-api` command of twistd.
"""

from typing import Any, ClassVar

import msgspec
from twisted.application.service import IService, MultiService, Service
from twisted.internet import reactor

from synnefo_tx.daemon.hang_up import HangUp
from synnefo_tx.daemon.notify import Notifier
from synnefo_tx.daemon.options import ConfiguredOptions, refuse
from synnefo_tx.daemon.slow_callbacks import watched
from synnefo_tx.processes.api import ApiService
from synnefo_tx.processes.settings import MOST_WORKERS, ApiSettings
from synnefo_tx.processes.shared_port import SharedPort
from synnefo_tx.processes.worker_link import LISTENER, WorkerLink
from synnefo_tx.processes.workers import WorkersService


class Options(ConfiguredOptions):
    """
    synnefo-api's command line.
    """

    daemon = "synnefo-api"
    kind = ApiSettings
    optParameters: ClassVar[list[list[Any]]] = [
        *ConfiguredOptions.optParameters,
        ["workers", "w", None, "processes that serve, in place of the setting", int],
        ["worker", None, None, "be this worker of a parent that has started us", int],
    ]

    def postOptions(self) -> None:
        super().postOptions()
        if self["workers"] is not None:
            self.settings = msgspec.structs.replace(self.settings, workers=self["workers"])
        if not 1 <= self.settings.workers <= MOST_WORKERS:
            refuse(self.daemon, f"workers: from 1 to {MOST_WORKERS}")


def makeService(options: Options) -> IService:
    """
    The API daemon: all of it, one worker, or the parent of workers.
    """
    if options["worker"] is not None:
        return _worker(options)
    settings = options.settings
    if settings.workers == 1:
        notifier = Notifier(reactor)
        api = ApiService(settings, reactor, ready=notifier.ready)
        return _together(notifier, HangUp(reactor, api.look_again), api)
    notifier = Notifier(reactor, lambda: parent.well)
    parent = WorkersService(settings, options.config_path(), reactor, notifier.ready)
    return _together(notifier, HangUp(reactor, parent.hang_up), parent)


def _worker(options: Options) -> IService:
    link = WorkerLink(reactor)
    api = ApiService(
        options.settings,
        reactor,
        ready=link.ready,
        listen=lambda site: SharedPort.adopt(reactor, LISTENER, site),
        worker=options["worker"],
    )
    return _together(link, HangUp(reactor, api.look_again), api)


def _together(*services: Service) -> IService:
    whole = MultiService()
    for service in services:
        service.setServiceParent(whole)
    return watched(whole, reactor)
