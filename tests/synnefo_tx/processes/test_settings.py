"""
Settings files, as the daemons read them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from archipelagod.settings import ArchipelagoSettings
from ganetid.settings import GanetiSettings
from synnefo_tx.daemon.settings import SettingsError, load
from synnefo_tx.processes.settings import AllInOneSettings, ApiSettings, DispatcherSettings

CHECKOUT = Path(__file__).resolve().parents[3]
SHIPPED = {
    "api": ApiSettings,
    "dispatcher": DispatcherSettings,
    "synnefo": AllInOneSettings,
    "ganetid": GanetiSettings,
    "archipelagod": ArchipelagoSettings,
}


class LoadTests(SynchronousTestCase):
    """From TOML to values."""

    def load(self, text: str) -> object:
        path = Path(self.mktemp())
        path.write_text(text, encoding="utf-8")
        return load(path, AllInOneSettings)

    def refusal(self, text: str) -> str:
        """What is said of settings that can't be used: one line that names the file."""
        error = str(self.assertRaises(SettingsError, self.load, text))
        self.assertNotIn("\n", error)
        self.assertIn("LoadTests", error)
        return error

    def test_shipped_files_are_good(self) -> None:
        """What etc/synnefo ships is read as it is."""
        for name, kind in SHIPPED.items():
            self.assertIsInstance(load(CHECKOUT / "etc" / "synnefo" / f"{name}.toml", kind), kind)

    def test_unknown_key(self) -> None:
        """A key that nobody reads is an error that names it."""
        self.assertIn("prot", self.refusal("prot = 1"))

    def test_wrong_type(self) -> None:
        """So is a value of a wrong type, with its key."""
        self.assertIn("port", self.refusal('port = "http"'))

    def test_bad_toml(self) -> None:
        """And text that isn't TOML."""
        self.refusal("port = ")

    def test_endless_toml(self) -> None:
        """And numbers too long, or tables too deep, for Python."""
        self.refusal(f"port = {'9' * 5000}")
        self.refusal(f"port = {'[' * 20000}")

    def test_missing_file(self) -> None:
        """And no file at all."""
        self.assertRaises(SettingsError, load, "/nonexistent/x.toml", AllInOneSettings)

    @given(st.binary(max_size=40))
    def test_any_bytes(self, data: bytes) -> None:
        """Nothing in a file raises anything else."""
        path = Path(self.mktemp())
        path.write_bytes(data)
        try:
            load(path, AllInOneSettings)
        except SettingsError as error:
            self.assertNotIn("\n", str(error))


class CommandTests(SynchronousTestCase):
    """What a person sees who starts a daemon with a bad file."""

    def test_one_line_and_status_one(self) -> None:
        """Every daemon says one line and ends with status 1."""
        config = Path(self.mktemp()).absolute()
        config.write_text("nonsense = 1\n")
        for name in ("synnefo", "synnefo-api", "synnefo-dispatcher", "ganetid", "archipelagod"):
            said = subprocess.run(
                [
                    sys.executable,
                    str(Path(sys.executable).with_name("twistd")),
                    "-n",
                    "--pidfile=",
                    name,
                    "--config",
                    str(config),
                ],
                cwd=CHECKOUT,
                env={"PYTHONPATH": str(CHECKOUT), "PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
                check=False,
            )
            output = (said.stdout + said.stderr).strip()
            self.assertEqual((said.returncode, output.count("\n")), (1, 0), f"{name}: {output}")
            self.assertIn("nonsense", output)
