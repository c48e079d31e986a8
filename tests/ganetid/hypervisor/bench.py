"""
Real QEMUs with a real Linux inside, on one or more "nodes" in a directory of their own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.hypervisor.values import Changed, Ended, FileDrive, Guest
from ganetid.opcodes.errors import HypervisorError
from tests.live.linux_guest import Shell, kernel_and_initrd, make_initrd, shell

QEMU = "qemu-system-x86_64"
DISK_A = "a1111111-2222-3333-4444-555555555555"
DISK_B = "b1111111-2222-3333-4444-555555555555"
NIC_A = "c1111111-2222-3333-4444-555555555555"
MIB = 1024 * 1024


def deferred(test: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Deferred[None]]:
    """A test written with await."""

    def run(self: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(test(self))  # type: ignore[arg-type]

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


class QemuTestCase(TestCase):
    """`user`: of the guests."""

    timeout = 120
    user = "none"
    home: str | None = None

    def setUp(self) -> None:
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")
        self.directory = Path(tempfile.mkdtemp(prefix="gnt"))
        self.directory.chmod(0o711)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.nodes: list[KvmHypervisor] = []
        self.shells: list[Shell] = []
        self.ended: list[Ended] = []
        self.changed: list[Changed] = []
        self.addCleanup(lambda: Deferred.fromCoroutine(self._clear()))

    async def _clear(self) -> None:
        for each in self.shells:
            each.close()
        for node in self.nodes:
            for name in node.kept():
                await node.clear(name)
            await node.close()

    async def node(self, name: str = "node", *known: str) -> KvmHypervisor:
        """A node's hypervisor; the same name again is the same node after a restart."""
        home = self.directory / name
        for part in ("run", "log"):
            (home / part).mkdir(mode=0o711, parents=True, exist_ok=True)
        made = KvmHypervisor(
            reactor,
            home / "run",
            lambda guest: self._log_directory(home, guest) / "console.log",
            lambda: Machine(QEMU, "tcg", user=self.user, home=self.home),
        )
        await made.recover(known)
        made.watch(self.ended.append, self.changed.append)
        self.nodes.append(made)
        return made

    def linux(
        self,
        name: str = "one",
        files: dict[str, tuple[int, bytes]] | None = None,
        memory_mib: int = 160,
        hvparams: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Guest:
        """A guest with a shell on its serial port."""
        kernel, _ = kernel_and_initrd()
        initrd = make_initrd(self.directory, files)
        initrd.chmod(0o644)
        parameters = {
            "kernel_path": str(kernel),
            "initrd_path": str(initrd),
            "kernel_args": "quiet no_timer_check",
            **(hvparams or {}),
        }
        uuid = f"00000000-0000-0000-0000-{int.from_bytes(name.encode()[:5], 'big'):012x}"
        return Guest(name, uuid, memory_mib, 1, hvparams=parameters, **changes)

    async def shell(self, node: KvmHypervisor, name: str = "one", is_new: bool = True) -> Shell:
        """A shell in the guest."""
        made = await shell(node.console(name).serial, is_new)
        self.shells.append(made)
        return made

    def disk(self, name: str, uuid: str | None = None, size_mib: int = 16) -> FileDrive:
        """A disk of zeros."""
        path = self.directory / name
        path.touch(mode=0o600)
        os.truncate(path, size_mib * MIB)
        return FileDrive(str(path), uuid=uuid)

    async def refused(self, work: Awaitable[Any]) -> str:
        """Why it fails with HypervisorError."""
        error = await self.assertFailure(
            Deferred.fromCoroutine(work),  # type: ignore[arg-type]
            HypervisorError,
        )
        return str(error)

    async def until(self, holds: Callable[[], Any], seconds: float = 20) -> None:
        """Wait until it holds."""
        for _ in range(int(seconds * 20)):
            if holds():
                return
            await deferLater(reactor, 0.05)
        self.fail(f"it never held: {holds}")

    def pid(self, node: KvmHypervisor, name: str = "one") -> int:
        """The guest's process."""
        return int(Path(node.places(name).pid).read_text())

    def _log_directory(self, home: Path, guest: str) -> Path:
        directory = home / "log" / guest
        directory.mkdir(mode=0o711, exist_ok=True)
        return directory
