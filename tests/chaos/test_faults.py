"""
A store whose calls fail, wait, do half, or kill; and power cuts under a real daemon.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from archipelagod.stores.power_cut import cut_power
from archipelagod.stores.store import open_file_store
from tests.archipelagod.volume.unsafe_store import other_boot
from tests.chaos.daemon import Daemon
from tests.chaos.rounds import Chaos, Damage
from tests.chaos.verdicts import Loss

ROUNDS = int(os.environ.get("CHAOS_FAULTS", "1"))
CHANGES = ["objects.write", "objects.create", "objects.zero", "objects.flush", "objects.copy_range"]
CHANGES += ["records.put", "records.create", "records.move", "records.log", "log.*"]

PLANS: dict[str, list[dict[str, object]]] = {
    "EIO": [{"calls": CHANGES, "chance": 0.02, "error": "EIO"}],
    "EIO when read": [{"calls": ["objects.read*", "records.get"], "chance": 0.01, "error": "EIO"}],
    "ENOSPC": [{"calls": CHANGES, "chance": 0.05, "error": "ENOSPC"}],
    "torn": [
        {"calls": ["objects.write", "log.append"], "chance": 0.05, "error": "EIO", "moment": "torn"}
    ],
    "answers lost": [{"calls": CHANGES, "chance": 0.02, "error": "EIO", "moment": "after"}],
    "failed syncs": [{"calls": ["objects.flush", "log.sync"], "chance": 0.2, "error": "EIO"}],
    "slow": [{"calls": ["objects.*", "log.sync"], "chance": 0.1, "delay_s": 0.02}],
    "killed": [{"calls": CHANGES, "chance": 0.003, "kill": True, "moment": "torn"}],
}


class FaultTests(SynchronousTestCase):
    """The daemon answers with errors, and nothing that it acknowledged is lost."""

    def setUp(self) -> None:
        """A store whose faults a file tells."""
        self.directory = tempfile.mkdtemp(prefix="faults")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.plan = f"{self.directory}/plan"
        self.books = f"{self.directory}/books"
        os.mkdir(self.books)
        self.seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))

    def faults(self, rules: list[dict[str, object]], unsynced: str = "") -> None:
        """From now on."""
        with open(f"{self.plan}.new", "w") as file:
            json.dump({"seed": self.seed, "unsynced": unsynced, "rules": rules}, file)
        os.replace(f"{self.plan}.new", self.plan)

    def started(self) -> Chaos:
        """A daemon on that store."""
        store = f"file:{self.directory}/state/store?faults={self.plan}"
        daemon = Daemon(self.directory, more=f'store = "{store}"\n')
        self.addCleanup(daemon.end)
        daemon.start()
        chaos = Chaos(daemon, self.seed)
        chaos.populate()
        return chaos

    def test_faults(self) -> None:
        """Calls that fail: whatever was acknowledged is there when the faults are gone."""
        self.faults([])
        chaos = self.started()
        for name, rules in PLANS.items():
            for _ in range(ROUNDS):
                try:
                    self._one(chaos, rules)
                except Damage as damage:
                    self.fail(f"{name}, seed {self.seed}: {damage}")
        chaos.check_settled()

    def _one(self, chaos: Chaos, rules: list[dict[str, object]]) -> None:
        threads = chaos.start_work()
        self.faults(rules)
        chaos.pause()
        if chaos.chance.random() < 0.5:
            workers = chaos.daemon.workers()
            chaos.daemon.kill_all()
            chaos.check_dead(workers)
            self.faults([])
            chaos.daemon.start()
        self.faults([])
        if not chaos.daemon.is_running:  # a call of its own was its last
            chaos.daemon.start()
        chaos.end_work(threads)
        chaos.look(Loss.WHOLENESS)

    def test_power_cuts(self) -> None:
        """What was not on stable storage is lost, in part, each time that the daemon is killed."""
        self.faults([], self.books)
        chaos = self.started()
        for _ in range(4 * ROUNDS):
            threads = chaos.start_work()
            chaos.pause()
            workers = chaos.daemon.workers()
            chaos.daemon.kill_all()
            chaos.end_work(threads)
            chaos.check_dead(workers)
            store = open_file_store(chaos.daemon.store)
            chaos.world.count("lost in power cuts", cut_power(store, self.books, self.seed))
            other_boot(store)
            chaos.daemon.start()
            try:
                chaos.look(Loss.UNFLUSHED)
            except Damage as damage:
                self.fail(f"seed {self.seed}: {damage}")
        self.assertGreater(chaos.world.counts["lost in power cuts"], 0)
