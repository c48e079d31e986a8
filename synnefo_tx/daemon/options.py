"""
The command line that our twistd plugins share.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, NoReturn

from twisted.python.usage import Options

from synnefo_tx.daemon.settings import SettingsError, load


class ConfiguredOptions(Options):
    """
    `--config FILE`: the settings, checked whole before anything starts.

    Subclasses give the daemon's name and the type of its settings.  A file that can't be used is
    one line on the terminal and exit status 1.
    """

    daemon: ClassVar[str]
    kind: ClassVar[type[Any]]
    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "TOML file with the settings"]
    ]
    settings: Any = None

    def postOptions(self) -> None:
        try:
            self.settings = load(self.config_path(), self.kind)
        except SettingsError as error:
            refuse(self.daemon, error)

    def config_path(self) -> str:
        """
        The file to read: the one named, else the daemon's own below /etc/synnefo.
        """
        return self["config"] or f"/etc/synnefo/{self.daemon.removeprefix('synnefo-')}.toml"


def refuse(daemon: str, reason: object) -> NoReturn:
    """
    End the process with one line that says why it can't start.
    """
    # twistd would print its whole help around a UsageError.
    sys.exit(f"{daemon}: {reason}")
