"""
Every hypervisor keeps the contract; and what only a real QEMU can show.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from ganetid.hypervisor.command_line import Machine
from ganetid.hypervisor.fake import FakeHypervisor
from ganetid.hypervisor.interface import Ended, FileDrive, Guest, IHypervisor, State
from ganetid.hypervisor.kvm import KvmHypervisor
from ganetid.hypervisor.probe_guest import MARK, init_program, initramfs
from tests.contracts.hypervisor import Bench, hypervisor_contract
from tests.live.kernel import a_kernel

QEMU = "qemu-system-x86_64"


def guest(name: str, **changes: Any) -> Guest:
    return Guest(name=name, uuid=f"00000000-0000-0000-0000-{len(name):012d}", memory_mib=64,
                 vcpus=1, **changes)  # fmt: skip


def fake_bench(test: TestCase) -> Bench:
    world: dict[str, Guest] = {}
    states: dict[str, State] = {}

    def let_die(hypervisor: IHypervisor, name: str) -> None:
        hypervisor.power_off(name, by_guest=False)

    return Bench(
        make=lambda: FakeHypervisor(reactor, world, states=states),
        make_other=lambda: FakeHypervisor(reactor),
        guest=guest,
        broken=lambda name: guest(f"unstartable-{name}"),
        let_die=let_die,
    )


def qemu_directory(test: TestCase) -> Path:
    if shutil.which(QEMU) is None:
        raise SkipTest(f"there is no {QEMU}")
    directory = Path(tempfile.mkdtemp(prefix="gnt"))
    test.addCleanup(shutil.rmtree, directory, ignore_errors=True)
    return directory


def make_kvm(directory: Path) -> KvmHypervisor:
    return KvmHypervisor(
        reactor,
        directory / "run",
        lambda name: directory / "log" / name / "console.log",
        lambda: Machine(QEMU, "tcg"),
    )


def kvm_bench(test: TestCase) -> Bench:
    directory = qemu_directory(test)

    def let_die(hypervisor: IHypervisor, name: str) -> None:
        pid = int(Path(hypervisor.places(name).pid).read_text())
        os.kill(pid, signal.SIGKILL)

    return Bench(
        make=lambda: make_kvm(directory),
        make_other=lambda: make_kvm(directory / "other"),
        guest=guest,
        broken=lambda name: guest(name, drives=(FileDrive("/nowhere/at/all"),)),
        let_die=let_die,
    )


class FakeHypervisorTests(hypervisor_contract(fake_bench)):  # type: ignore[misc]
    """FakeHypervisor keeps the contract."""


class KvmHypervisorTests(hypervisor_contract(kvm_bench)):  # type: ignore[misc]
    """KvmHypervisor keeps the contract with real QEMUs, emulated."""


class LinuxGuestTests(TestCase):
    """A real Linux guest, emulated: its init prints a line and powers the machine off."""

    timeout = 60

    def test_console_and_power_off(self) -> Deferred[None]:
        """Its serial console goes to the log, and its power-off is told as its own wish."""
        return Deferred.fromCoroutine(self._console_and_power_off())

    async def _console_and_power_off(self) -> None:
        directory = qemu_directory(self)
        kernel = a_kernel()
        initrd = directory / "initrd"
        initrd.write_bytes(initramfs(init_program()))
        hypervisor = make_kvm(directory)
        self.addCleanup(lambda: Deferred.fromCoroutine(hypervisor.clear("linux")))
        await hypervisor.recover(())
        told: Deferred[Ended] = Deferred()
        hypervisor.watch(told.callback)
        parameters = {
            "kernel_path": str(kernel),
            "initrd_path": str(initrd),
            "kernel_args": "quiet",
            "serial_console": True,
        }
        linux = Guest("linux", "00000000-0000-0000-0000-000000000001", 192, 1,
                      hvparams=parameters)  # fmt: skip
        await hypervisor.start(linux)
        ended = await told.addTimeout(50, reactor)
        self.assertEqual(ended, Ended("linux", True, "guest-shutdown"))
        log = (directory / "log" / "linux" / "console.log").read_text(errors="replace")
        self.assertIn(MARK, log)
        await hypervisor.close()
        again = make_kvm(directory)
        self.assertEqual([each.by_guest for each in await again.recover(("linux",))], [True])
        await again.clear("linux")
        self.assertEqual(list((directory / "run").iterdir()), [])
        await again.close()

    def test_found_while_mute(self) -> Deferred[None]:
        """A QEMU whose monitor another one holds is found, and commanded once it is free."""

        async def check() -> None:
            directory = qemu_directory(self)
            first = make_kvm(directory)
            self.addCleanup(lambda: Deferred.fromCoroutine(first.clear("one")))
            await first.recover(())
            await first.start(guest("one"))
            second = make_kvm(directory)
            await second.recover(("one",))
            self.assertIn("one", second.running())
            self.assertFalse(await second.verify("one"))
            await first.close()
            for _ in range(100):
                if await second.verify("one"):
                    break
                await deferLater(reactor, 0.1)
            self.assertTrue(await second.verify("one"))
            await second.clear("one")
            await second.close()

        return Deferred.fromCoroutine(check())
