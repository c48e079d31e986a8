"""
Kills (or fails) a deed at every system call that changes a disk, one after the other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

from archipelagod.volume.stored_map import MAPS
from tests.chaos.daemon import ROOT
from tests.chaos.deeds import BLOCK, DEEDS, Workshop
from tests.chaos.invariants import problems

CALLS = "fdatasync fsync syncfs rename renameat2 link linkat unlink rmdir mkdir ftruncate fallocate"
CALLS += " copy_file_range pwrite64 pwritev2 write"
ERRORS = ("EIO", "ENOSPC")
_KILLED = (-9, 137)

Content = dict[str, tuple[int, bool, bytes]]  # size, read-only, bytes of each volume


class Ended(NamedTuple):
    """
    How a deed ended.
    """

    was_hit: bool  # the call that was to be hit was made
    said: str  # "done", "refused: ...", or nothing


def can_trace() -> bool:
    """
    Whether strace works here.
    """
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "-e", "inject=fdatasync:error=EIO", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def content(path: str) -> Content:
    """
    What a client sees of all volumes.
    """
    shop = Workshop(path)
    found: Content = {}
    for name in shop.store.records.names(MAPS):
        volume = shop.opened(name)
        held = bytearray(volume.size_bytes)
        volume.read_into(0, memoryview(held))
        found[name] = (volume.size_bytes, volume.is_read_only, bytes(held))
        volume.close()
    return found


class Sweep:
    """
    One deed, on copies of one store.  directory: for them.  hits: calls that were killed or failed.
    """

    def __init__(self, directory: str, deed: str) -> None:
        self.runs = self.hits = 0
        self._deed = deed
        self._is_atomic = DEEDS[deed][0]
        self._template = f"{directory}/template"
        self._work = f"{directory}/work"
        self._trace = f"{directory}/trace"
        if not os.path.isdir(self._template):
            self._in_a_process("prepare")
        self._fresh()
        self.before = content(self._work)
        self._fresh()
        self._run([])
        self.after = content(self._work)

    def _in_a_process(self, what: str) -> None:
        """So that its writer dies."""
        program = f"import os; from tests.chaos.deeds import {what}; {what}({self._template!r}); "
        command = [sys.executable, "-c", f"{program} os._exit(0)"]
        subprocess.run(command, cwd=ROOT, check=True)

    def _fresh(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        subprocess.run(["cp", "-a", "--sparse=always", self._template, self._work], check=True)

    def _run(self, prefix: list[str]) -> subprocess.CompletedProcess[str]:
        command = [*prefix, sys.executable, "-m", "tests.chaos.deeds", self._work, self._deed]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment
        )

    def _hit(self, call: str, effect: str, number: int) -> Ended:
        """
        The deed, while its ``number``-th call of that kind on the store has that effect.
        """
        self.runs += 1
        self._fresh()
        inject = f"inject={call}:{effect}:when={number}"
        prefix = ["strace", "-f", "-o", self._trace, "-e", f"trace={call}", "-e", inject]
        ended = self._run(prefix)
        with open(self._trace) as file:
            trace = file.read()
        was_hit = ended.returncode in _KILLED or "(INJECTED)" in trace
        if ended.returncode not in (0, *_KILLED):
            raise AssertionError(f"{call} {effect} {number}: {ended.stderr}")
        return Ended(was_hit, ended.stdout.strip())

    def wrong(self, effects: list[str], most: int = 60) -> Iterator[str]:
        """
        What is not as it should be after any of the hits.
        """
        for call in CALLS.split():
            for effect in effects:
                for number in range(1, most):
                    ended = self._hit(call, effect, number)
                    if not ended.was_hit:
                        break
                    self.hits += 1
                    for text in self._looked_at(ended):
                        yield f"{self._deed}, {call} {number} {effect}, {ended.said}: {text}"

    def _looked_at(self, ended: Ended) -> list[str]:
        wrong = problems(self._work, is_settled=False)
        if wrong:
            return wrong
        _recover(self._work)
        found = content(self._work)
        if ended.said == "done":
            wrong = differences(found, [self.after], is_atomic=True)
        else:
            wrong = differences(found, [self.before, self.after], is_atomic=self._is_atomic)
        return wrong or problems(self._work, is_settled=True)


def _recover(path: str) -> None:
    shop = Workshop(path)
    for name in shop.catalogue.unsettled():
        shop.catalogue.settle(name)
    shop.catalogue.reclaim()


def differences(found: Content, allowed: list[Content], *, is_atomic: bool) -> list[str]:
    """
    What is in ``found`` that is not as in one of ``allowed`` (atomic), or block by block in any.
    """
    if found in allowed:
        return []
    if is_atomic or any(found.keys() != each.keys() for each in allowed):
        told = [_difference(found, each) for each in allowed]
        return [f"half done: {told}"]
    return [
        f"{name} block {at // BLOCK} is neither old nor new"
        for name, (_, _, held) in found.items()
        for at in range(0, len(held), BLOCK)
        if held[at : at + BLOCK] not in [each[name][2][at : at + BLOCK] for each in allowed]
    ]


def _difference(found: Content, wanted: Content) -> str:
    if found.keys() != wanted.keys():
        return f"there is {sorted(found)}, not {sorted(wanted)}"
    for name, (size, is_read_only, held) in found.items():
        if (size, is_read_only) != wanted[name][:2]:
            return f"{name}: {size} {is_read_only}, not {wanted[name][:2]}"
        if held != wanted[name][2]:
            blocks = [
                at // BLOCK
                for at in range(0, size, BLOCK)
                if held[at : at + BLOCK] != wanted[name][2][at : at + BLOCK]
            ]
            return f"{name}: blocks {blocks[:20]}"
    return "nothing"
