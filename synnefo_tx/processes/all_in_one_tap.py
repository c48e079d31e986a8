"""
The `synnefo` command of twistd.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.python.usage import Options as BareOptions
from twisted.python.usage import UsageError

from synnefo_tx.daemon.settings import SettingsError, load
from synnefo_tx.processes.all_in_one import build_service, state_directory
from synnefo_tx.processes.settings import AllInOneSettings


class Options(BareOptions):
    """
    synnefo's command line.  Without `--config`, synnefo.toml of the state directory counts, and
    without that the defaults.
    """

    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "TOML file with the settings"]
    ]
    settings = AllInOneSettings()

    def postOptions(self) -> None:
        path = self["config"] or state_directory() / "synnefo.toml"
        if self["config"] is None and not path.exists():
            return
        try:
            self.settings = load(path, AllInOneSettings)
        except SettingsError as error:
            raise UsageError(str(error)) from error


def makeService(options: Options) -> IService:
    """
    The whole cloud.
    """
    return build_service(options.settings, state_directory(), reactor)
