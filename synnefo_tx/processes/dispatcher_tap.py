"""
The `synnefo-dispatcher` command of twistd.
"""

from twisted.application.service import IService
from twisted.internet import reactor

from synnefo_tx.processes.dispatcher import build_service
from synnefo_tx.processes.options import ConfiguredOptions
from synnefo_tx.processes.settings import DispatcherSettings


class Options(ConfiguredOptions):
    """
    synnefo-dispatcher's command line.
    """

    kind = DispatcherSettings


def makeService(options: Options) -> IService:
    """
    The dispatcher daemon.
    """
    return build_service(options.settings, reactor)
