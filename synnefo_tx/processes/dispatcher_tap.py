"""
The `synnefo-dispatcher` command of twistd.
"""

from twisted.application.service import IService
from twisted.internet import reactor

from synnefo_tx.daemon.amqp.address import BadAddress
from synnefo_tx.daemon.options import ConfiguredOptions, refuse
from synnefo_tx.daemon.slow_callbacks import watched
from synnefo_tx.processes.dispatcher import build_service
from synnefo_tx.processes.settings import DispatcherSettings


class Options(ConfiguredOptions):
    """
    synnefo-dispatcher's command line.
    """

    daemon = "synnefo-dispatcher"
    kind = DispatcherSettings


def makeService(options: Options) -> IService:
    """
    The dispatcher daemon.
    """
    try:
        return watched(build_service(options.settings, reactor), reactor)
    except BadAddress as error:
        refuse(options.daemon, f"amqp_url: {error}")
