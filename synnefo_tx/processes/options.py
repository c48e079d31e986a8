"""
The command line that our twistd plugins share.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.python.usage import Options, UsageError

from synnefo_tx.daemon.settings import SettingsError, load


class ConfiguredOptions(Options):
    """
    `--config FILE`, checked whole before anything starts.  Subclasses name the settings' type.
    """

    kind: ClassVar[type[Any]]
    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "TOML file with the settings"]
    ]
    settings: Any = None

    def postOptions(self) -> None:
        path = self["config"]
        if path is None:
            raise UsageError("--config FILE is needed")
        try:
            self.settings = load(path, self.kind)
        except SettingsError as error:
            raise UsageError(str(error)) from error
