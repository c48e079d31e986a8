"""
``twistd archipelagod``.
"""

from __future__ import annotations

from typing import ClassVar

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from archipelagod.service import build_service
from archipelagod.settings import ArchipelagoSettings
from synnefo_tx.daemon.settings import SettingsError, load


class Options(UsageOptions):
    """
    Command line.
    """

    optParameters: ClassVar = [
        ["config", "c", "/etc/synnefo/archipelagod.toml", "settings file"],
    ]


def makeService(options: Options) -> IService:  # noqa: N802 - twistd looks for this name
    """
    The daemon.  Raises UsageError with one line when the settings can't be used.
    """
    try:
        return build_service(load(options["config"], ArchipelagoSettings), reactor)
    except (SettingsError, OSError) as error:
        raise UsageError(str(error)) from error
