"""
Which cloud the command works on: that of the settings that are named, of this machine's API, or of
the all-in-one that keeps its state here.
"""

from __future__ import annotations

from pathlib import Path

from synnefo_tx.daemon.settings import SettingsError, load
from synnefo_tx.processes.own_cloud import api_settings, state_directory
from synnefo_tx.processes.settings import AllInOneSettings, ApiSettings

CONFIG = "/etc/synnefo/api.toml"


def settings_of(config: str | None, usual: str = CONFIG) -> ApiSettings:
    """
    The API's.  config: the file that was named; None: none was.  usual: the file of this machine's
    API.  Raises SettingsError.
    """
    if config is not None:
        return load(config, ApiSettings)
    state = state_directory()
    if Path(usual).exists():
        return load(usual, ApiSettings)
    if not (state / "synnefo.db").exists():
        raise SettingsError(f"there is no {usual}, and no all-in-one cloud in {state}: --config")
    own = state / "synnefo.toml"
    return api_settings(load(own, AllInOneSettings) if own.exists() else AllInOneSettings(), state)
