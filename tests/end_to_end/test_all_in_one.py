"""
The main job through `twistd synnefo`, the whole cloud in one process.
"""

from __future__ import annotations

from typing import Any

from tests.end_to_end import test_four_daemons
from tests.live.cloud import AllInOne, Cloud


class AllInOneTests(test_four_daemons.JourneyTests):
    """The same way, on the newcomer's cloud."""

    is_apart = False

    def make_cloud(self) -> Cloud:
        return AllInOne(None)

    def secret_file(self) -> Any:
        return self.cloud.home / "block.secret"


class UserNetworkTests(AllInOneTests):
    """Where no tap may be made, guests get QEMU's own network: they boot, nobody logs in."""

    def make_cloud(self) -> Cloud:
        return AllInOne(None, may_tap=False)
