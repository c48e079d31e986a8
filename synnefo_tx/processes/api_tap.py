"""
The `synnefo-api` command of twistd.
"""

from twisted.application.service import IService
from twisted.internet import reactor

from synnefo_tx.daemon.options import ConfiguredOptions
from synnefo_tx.daemon.slow_callbacks import watched
from synnefo_tx.processes.api import ApiService
from synnefo_tx.processes.settings import ApiSettings


class Options(ConfiguredOptions):
    """
    synnefo-api's command line.
    """

    daemon = "synnefo-api"
    kind = ApiSettings


def makeService(options: Options) -> IService:
    """
    The API daemon.
    """
    return watched(ApiService(options.settings, reactor), reactor)
