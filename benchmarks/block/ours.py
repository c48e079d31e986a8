"""
archipelagod as an operator starts it: under twistd, with a file store and worker processes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.block.control import Control
from benchmarks.block.place import CHECKOUT
from benchmarks.block.processes import Program


class Daemon:
    """
    One daemon, whose store lies below ``home``.  The store may be there already.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self.home = home
        self.nbd_socket = home / "nbd"
        config = home / "archipelagod.toml"
        config.write_text(
            f'state_dir = "{home}/state"\nlisten = "unix:{home}/wire:mode=600"\n'
            f'secret_file = "{home}/secret"\nnbd_socket = "{home}/nbd"\n'
        )
        twistd = str(Path(sys.executable).with_name("twistd"))
        self.program = Program(
            [twistd, "-n", "--pidfile=", "archipelagod", "--config", str(config)],
            home / "log",
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            cwd=home,
        )
        self.program.wait_until(self._is_ready, "ready")
        self.control = Control(f"unix:{home}/wire", home / "secret")

    def _is_ready(self) -> bool:
        return "archipelagod is ready" in self.program.log.read_text(errors="replace")

    @property
    def store(self) -> Path:
        """The store's directory."""
        return store_of(self.home)

    def export(self, volume: str, name: str | None = None) -> Volume:
        """The volume as something to load."""
        return Volume(self, volume, name or volume)

    def stop(self) -> None:
        """Ends the daemon."""
        self.control.close()
        self.program.stop()


class Volume:
    """
    See Export.
    """

    def __init__(self, daemon: Daemon, volume: str, name: str) -> None:
        self.name = name
        self.volume = volume
        self.uri = f"nbd+unix:///{volume}?socket={daemon.nbd_socket}"
        self.program = daemon.program
        self.roots = [daemon.store]


def store_of(home: Path) -> Path:
    """
    Where a daemon of ``home`` keeps its store.
    """
    return home / "state" / "store"
