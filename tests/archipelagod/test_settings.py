"""
Settings of the daemon.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.settings import ArchipelagoSettings
from archipelagod.upkeep.settings import UpkeepSettings
from synnefo_tx.daemon.settings import SettingsError, load

PLAIN = 'state_dir = "/x"\nlisten = "unix:/y"\nsecret_file = "z"\nnbd_socket = "n"\n'


class NumberTests(SynchronousTestCase):
    """Numbers in the file."""

    def load(self, line: str) -> ArchipelagoSettings:
        """Settings with one line more."""
        path = Path(self.mktemp())
        path.write_text(PLAIN + line)
        return load(path, ArchipelagoSettings)

    def test_upkeep(self) -> None:
        """Upkeep has no negative grace or pace, none without an end, and none that is no number."""
        for name in UpkeepSettings.__struct_fields__:
            self.assertEqual(getattr(self.load(f"upkeep.{name} = 0").upkeep, name), 0)
            for number in ("-1", "-0.5", "nan", "inf", "1e300"):
                error = self.assertRaises(SettingsError, self.load, f"upkeep.{name} = {number}")
                self.assertIn(name, str(error))

    def test_workers(self) -> None:
        """There are no fewer workers than none."""
        self.assertIn("workers", str(self.assertRaises(SettingsError, self.load, "workers = -1")))
        self.assertEqual(self.load("workers = 3").most_workers, 3)
