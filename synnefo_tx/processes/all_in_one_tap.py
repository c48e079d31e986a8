"""
The `synnefo` command of twistd.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet import reactor

from synnefo_tx.daemon.options import ConfiguredOptions, refuse
from synnefo_tx.daemon.settings import SettingsError
from synnefo_tx.daemon.slow_callbacks import watched
from synnefo_tx.processes.all_in_one import build_service
from synnefo_tx.processes.own_cloud import state_directory
from synnefo_tx.processes.settings import AllInOneSettings


class Options(ConfiguredOptions):
    """
    synnefo's command line.  Without `--config`, synnefo.toml of the state directory counts, and
    without that the defaults.
    """

    daemon = "synnefo"
    kind = AllInOneSettings
    settings = AllInOneSettings()

    def postOptions(self) -> None:
        if self["config"] is not None or (state_directory() / "synnefo.toml").exists():
            super().postOptions()

    def config_path(self) -> str:
        return self["config"] or str(state_directory() / "synnefo.toml")


def makeService(options: Options) -> IService:
    """
    The whole cloud.
    """
    try:
        return watched(build_service(options.settings, state_directory(), reactor), reactor)
    except (SettingsError, OSError) as error:
        refuse(options.daemon, error)
