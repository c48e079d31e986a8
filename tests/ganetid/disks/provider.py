"""
A provider of external storage in a few lines of shell: raw files behind qemu-nbd.

Every call is noted with the whole environment.  It is a provider as for Ganeti, and knows
nothing of us.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from ganetid.disks.ext import ExtTemplate
from ganetid.disks.provider import Bench, find_external
from ganetid.scripts.logged import Logbook

SCRIPTS = {
    "create": '[ ! -e "$F" ] || exit 1; truncate -s "${VOL_SIZE}M" "$F"',
    "attach": """
[ -e "$F" ] || { echo "no volume $VOL_NAME" >&2; exit 1; }
if [ ! -S "$S" ]; then
  qemu-nbd --fork -f raw -t -e 8 -x "$VOL_NAME" -k "$S" --pid-file="$P" "$F" >/dev/null 2>&1
fi
printf '\\nxen:phy:nothing\\nkvm:nbd:unix:%s:exportname=%s\\n' "$S" "$VOL_NAME"
""",
    "detach": '[ ! -e "$P" ] || { kill $(cat "$P"); rm -f "$P" "$S"; }',
    "remove": 'rm "$F"',
    "grow": 'truncate -s "${VOL_NEW_SIZE}M" "$F"',
    "setinfo": 'echo "$VOL_METADATA" >"$F.info"',
    "verify": "exit 0",
    "open": "exit 0",
    "close": "exit 0",
    "snapshot": 'cp --sparse=always "$F" "$D/$VOL_SNAPSHOT_NAME.raw"',
}
HEAD = """#!/bin/sh
D={store}
F="$D/$VOL_NAME.raw" S="$D/$VOL_NAME.sock" P="$D/$VOL_NAME.pid"
{{ echo "== {action}"; env | grep -v '^_='; }} >>"$D/calls"
"""


def write_provider(search_path: Path, name: str, store: Path) -> Path:
    """Make the provider's directory, and the store's."""
    directory = search_path / name
    directory.mkdir(parents=True)
    store.mkdir(parents=True)
    for action, body in SCRIPTS.items():
        script = directory / action
        script.write_text(HEAD.format(store=store, action=action) + body + "\n")
        script.chmod(0o755)
    (directory / "parameters.list").write_text("pool  Where volumes are\n\nfast\n")
    return directory


def calls_of(store: Path) -> list[tuple[str, dict[str, str]]]:
    """(script, environment) of every call so far."""
    found: list[tuple[str, dict[str, str]]] = []
    for part in (store / "calls").read_text().split("== ")[1:]:
        action, *lines = part.splitlines()
        found.append((action, dict(line.split("=", 1) for line in lines)))
    return found


def actions_of(store: Path) -> list[str]:
    """The scripts that were called so far, in order."""
    return [action for action, _ in calls_of(store)]


class ProviderTestCase(TestCase):
    """The provider ``nas``, in a place of its own; `scripts` is its directory."""

    timeout = 60

    def setUp(self) -> None:
        if shutil.which("qemu-nbd") is None:
            raise SkipTest("there is no qemu-nbd")
        self.place = Path(tempfile.mkdtemp(prefix="ext"))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.store = self.place / "store"
        self.scripts = write_provider(self.place / "providers", "nas", self.store)
        self.addCleanup(end_servers, self.store)

    def template(self, node: str) -> ExtTemplate:
        """The template, on a node."""
        logs = Logbook(reactor, self.place / f"log-{node}")
        bench = Bench(logs, (self.place / "providers",), timeout_s=20)
        return ExtTemplate({}, find_external(bench))


def end_servers(store: Path) -> None:
    """End what serves volumes still."""
    for pid_file in store.glob("*.pid"):
        os.kill(int(pid_file.read_text()), 15)
