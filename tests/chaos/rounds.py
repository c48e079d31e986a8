"""
Rounds of work, a death, and a look at what is left.
"""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable
from functools import partial

from archipelagod.wire.errors import OutOfRange, StorageUnavailable
from tests.chaos import daemon as processes
from tests.chaos.daemon import Daemon
from tests.chaos.invariants import objects_in, problems
from tests.chaos.judging import Seen, judged
from tests.chaos.judging import wrong as wrong_with
from tests.chaos.load import Load, attached
from tests.chaos.model import Disk
from tests.chaos.nbd_connection import Refused
from tests.chaos.operations import Operator, some_size
from tests.chaos.stamps import Vector
from tests.chaos.verdicts import Loss, content
from tests.chaos.world import Change, World

TRIES = 20
SETTLE_S = 30.0
DEATHS = ("daemon", "worker", "workers", "all", "all", "stopped worker", "stop")


class Damage(AssertionError):
    """
    What the daemon promised does not hold.
    """


class Chaos:
    """
    A daemon, what its volumes may hold, and how it dies.

    problems: what is wrong with the store; is_settled: see invariants.problems.
    """

    def __init__(
        self, daemon: Daemon, seed: int, problems: Callable[[bool], list[str]] | None = None
    ) -> None:
        self.daemon = daemon
        self._problems = problems or self._problems_of_files
        self.world = World()
        self.chance = random.Random(seed)
        self.rounds = 0

    def round(self, death: str | None = None) -> None:
        """
        Work, a death, a look.  Raises Damage.
        """
        self.rounds += 1
        kind = death or self.chance.choice(DEATHS)
        threads = self.start_work()
        self.pause()
        self._die(kind, threads)
        self.end_work(threads)
        self.world.count(f"death: {kind}")
        self.look()

    def pause(self) -> None:
        """
        Until something happens.
        """
        time.sleep(self.chance.choice([0.02, 0.1, 0.3, 0.6, 1.0]) * (0.5 + self.chance.random()))

    def start_work(self) -> list[Load | Operator]:
        """
        Guests and operators, at work.
        """
        threads = [*self._loads(), *self._operators()]
        for thread in threads:
            thread.start()
        return threads

    def end_work(self, threads: list[Load | Operator]) -> None:
        """
        They end, or have ended.  Raises Damage when they saw what should not have been.
        """
        self._join(threads)
        self.world.used.clear()

    def _join(self, threads: list[Load | Operator]) -> None:
        for thread in threads:
            thread.is_stopped = True
        for thread in threads:
            thread.join(120)
            if thread.is_alive():
                raise Damage(f"{thread} hangs:\n{self.daemon.last_words()}")
            if thread.failure is not None:
                raise Damage(f"while it ran: {thread.failure!r}") from thread.failure

    def _loads(self) -> list[Load]:
        found: list[Load] = []
        for _ in range(self.chance.randint(1, 3)):
            disk = self.world.choose(self.chance, lambda disk: not disk.is_read_only)
            if disk is None:
                break
            self.world.used.add(disk.name)
            is_block = self.chance.random() < 0.4
            for _ in range(self.chance.choice([1, 1, 2, 3])):
                connection = attached(self.daemon, disk.name, is_block=is_block)
                if connection.size_bytes != disk.size_bytes:
                    raise Damage(f"{disk.name}: {connection.size_bytes}, not {disk.size_bytes}")
                seed = self.chance.randrange(1 << 32)
                found.append(Load(self.world, disk, connection, seed, disk.size_bytes))
        return found

    def _operators(self) -> list[Operator]:
        seeds = [self.chance.randrange(1 << 32) for _ in range(self.chance.choice([0, 1, 2, 2]))]
        return [Operator(self.world, self.daemon.control(), seed) for seed in seeds]

    def _die(self, kind: str, threads: list[Load | Operator]) -> None:
        workers = self.daemon.workers()
        if kind == "worker" and workers:
            processes.kill(self.chance.choice(workers))
        elif kind == "workers":
            for pid in workers:
                processes.kill(pid)
        elif kind == "daemon":
            self.daemon.kill()
        elif kind == "all":
            self.daemon.kill_all()
        elif kind == "stopped worker":
            self._stop_a_worker(workers)
            return
        elif kind == "stop":
            self.daemon.stop()
        if kind in ("daemon", "all", "stop"):
            self.check_dead(workers)
            self.daemon.start()

    def _stop_a_worker(self, workers: list[int]) -> None:
        """
        The daemon dies while a worker is stopped, and wakes only when the next daemon runs.
        """
        stopped = [self.chance.choice(workers)] if workers else []
        for pid in stopped:
            processes.kill(pid, signal.SIGSTOP)
        self.daemon.kill()
        try:
            self.daemon.start(waits=False)
            time.sleep(self.chance.choice([0.0, 0.5, 1.5]))
        finally:
            for pid in stopped:
                processes.kill(pid, signal.SIGCONT)
        self.daemon.wait_until_ready()

    def check_dead(self, workers: list[int]) -> None:
        """
        What must hold of a store that nobody has open.
        """
        if not processes.gone(workers):
            raise Damage("a worker outlives its daemon")
        self._check(is_settled=False)

    def _check(self, *, is_settled: bool) -> None:
        found = self._problems(is_settled)
        if found:
            raise Damage("\n".join([f"round {self.rounds}: the store:", *found[:30]]))

    def _problems_of_files(self, is_settled: bool) -> list[str]:
        return problems(self.daemon.store, is_settled=is_settled)

    def check_settled(self) -> None:
        """
        Has the garbage collected, until all is done that a crash left to do, and looks then.
        """
        deadline_s = time.monotonic() + SETTLE_S
        while True:
            with contextlib.closing(self.daemon.control()) as control:
                control.collect()
            self.daemon.stop()
            found = self._problems(True)
            self.daemon.start()
            if not found:
                self.world.count("settled store")
                return
            if time.monotonic() > deadline_s:
                raise Damage("\n".join([f"round {self.rounds}: left over:", *found[:30]]))
            time.sleep(0.5)

    def look(self, loss: Loss = Loss.NOTHING) -> None:
        """
        Every volume is there and holds what it may.  Raises Damage.
        """
        control = self.daemon.control()
        with contextlib.closing(control):
            names = set(control.names())
            seen = {name: self._seen(name) for name in sorted(names)}
        wrong: list[str] = []
        for change in list(self.world.pending):
            wrong += self._resolve(change, seen, loss)
        for name in sorted(names | set(self.world.disks)):
            wrong += wrong_with(name, self.world.disks.get(name), seen, loss)
        if wrong:
            raise Damage(
                "\n".join([f"round {self.rounds}:", *wrong[:30], self.daemon.last_words()])
            )
        for name, (_, found) in seen.items():
            self.world.disks[name].settle(found)

    def _seen(self, name: str) -> tuple[int, dict[int, Vector]]:
        """
        Size and content of a volume.  Its worker's death may not have been noticed yet, and what
        its client did not wait for, such as a resize, may go on.
        """
        for tried in range(TRIES):
            try:
                size, found, bad = self._looked_at(name)
                break
            except (StorageUnavailable, OutOfRange, OSError) as error:
                if tried == TRIES - 1:
                    is_running = "runs" if self.daemon.is_running else "is gone"
                    told = f"the daemon {is_running}:\n{self.daemon.last_words()}"
                    raise Damage(f"{name} can't be read: {error}; {told}") from error
                self.world.count("look: tried again")
                time.sleep(0.1)
            except Refused as error:
                raise Damage(f"{name}: {error}\n{self.daemon.last_words()}") from error
        if bad:
            known = self.world.disks.get(name)
            number = known.number if known else "?"
            raise Damage(f"round {self.rounds}: {name} (volume {number}): " + "\n".join(bad[:10]))
        return size, found

    def _looked_at(self, name: str) -> tuple[int, dict[int, Vector], list[str]]:
        if self.chance.random() < 0.3:
            with contextlib.closing(self.daemon.control()) as control:
                size = int(control.info(name)["size_bytes"])
                read = partial(control.read, name)
                return size, *content(read, size)
        connection = attached(self.daemon, name, is_block=self.chance.random() < 0.3)
        try:
            return connection.size_bytes, *content(connection.read, connection.size_bytes)
        finally:
            connection.leave()

    def _resolve(self, change: Change, seen: Seen, loss: Loss) -> list[str]:
        after = change.after()
        verdict = judged(change.kind, change.before, after, seen, loss)
        self.world.settle(change, after if verdict.happened else change.before)
        self.world.count(f"{change.kind} interrupted: {'done' if verdict.happened else 'not'}")
        return [verdict.why] if verdict.happened is None else []

    def delete_all(self) -> None:
        """
        Nothing is left that a client can see.
        """
        with contextlib.closing(self.daemon.control()) as control:
            for name in control.names():
                control.delete(name)
        self.world.disks.clear()
        self.check_settled()
        left = objects_in(self.daemon.store)
        if left:
            raise Damage(f"round {self.rounds}: all is deleted, and {len(left)} objects are left")
        self.world.count("emptied store")

    def populate(self) -> None:
        """
        A few volumes to begin with.
        """
        with contextlib.closing(self.daemon.control()) as control:
            for _ in range(3):
                number, size = self.world.number(), some_size(self.chance)
                control.create(f"v{number}", size)
                self.world.put({f"v{number}": Disk(f"v{number}", number, size)})
