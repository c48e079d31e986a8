"""
Whether KVM works is proved by a guest, once for every boot of the machine.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from ganetid.hypervisor import accelerator
from ganetid.hypervisor.accelerator import Accelerator, boots
from ganetid.hypervisor.probe_guest import init_program, initramfs
from ganetid.node.facts import boot_id
from ganetid.node.programs import run
from tests.live.kernel import a_kernel

QEMU = "qemu-system-x86_64"


class ProbeTests(TestCase):
    """The probe guest."""

    timeout = 60

    def setUp(self) -> None:
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")

    def test_boots_emulated(self) -> Deferred[None]:
        """Under TCG, which works everywhere, the probe says so; with no time it says no."""
        kernel = a_kernel()

        async def check() -> None:
            self.assertTrue(await boots(reactor, QEMU, "tcg", kernel, 45))
            self.assertFalse(await boots(reactor, QEMU, "tcg", kernel, 0.1))

        return Deferred.fromCoroutine(check())

    def test_no_such_accelerator(self) -> Deferred[None]:
        """A QEMU that ends at once is a no, without waiting."""

        async def check() -> None:
            self.assertFalse(await boots(reactor, QEMU, "nonsense", Path("/dev/null"), 30))

        return Deferred.fromCoroutine(check())

    def test_runs_on_this_machine(self) -> Deferred[None]:
        """The probe's init is a program that Linux loads: it prints its mark."""

        async def check() -> None:
            path = Path(self.mktemp()).absolute()
            path.write_bytes(init_program())
            self.assertEqual(path.read_bytes()[:4], b"\x7fELF")
            listing = await run(reactor, ["sh", "-c", f"cpio -t < {self.image()}"])
            self.assertEqual(listing.output.split(), ["dev", "dev/console", "init"])

        if shutil.which("cpio") is None:
            raise SkipTest("there is no cpio")
        return Deferred.fromCoroutine(check())

    def image(self) -> Path:
        path = Path(self.mktemp()).absolute()
        path.write_bytes(initramfs(init_program()))
        return path


class ChoiceTests(TestCase):
    """Which accelerator is chosen."""

    def setUp(self) -> None:
        self.memory = Path(self.mktemp())

    def chosen(self, wanted: str) -> Deferred[str]:
        async def choose() -> str:
            made = Accelerator(reactor, wanted, QEMU, self.memory)
            self.assertEqual(made.current, "kvm" if wanted == "kvm" else "tcg")
            await made.find_out()
            return made.current

        return Deferred.fromCoroutine(choose())

    def test_as_set(self) -> Deferred[None]:
        """What is set is not tested."""

        async def check() -> None:
            self.assertEqual([await self.chosen("kvm"), await self.chosen("tcg")], ["kvm", "tcg"])
            self.assertFalse(self.memory.exists())

        return Deferred.fromCoroutine(check())

    def test_no_device(self) -> Deferred[None]:
        """Without /dev/kvm it is TCG at once."""
        self.patch(accelerator, "DEVICE", "/nowhere/kvm")

        async def check() -> None:
            self.assertEqual(await self.chosen("auto"), "tcg")

        return Deferred.fromCoroutine(check())

    def test_remembered(self) -> Deferred[None]:
        """A verdict of this boot and this QEMU counts, of another boot it does not."""
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")
        self.patch(accelerator, "DEVICE", "/dev/null")
        self.patch(accelerator, "newest_kernel", lambda: None)

        async def check() -> None:
            version = (await run(reactor, [QEMU, "--version"])).output.partition("\n")[0]
            for boot, expected in ((boot_id(), "kvm"), ("another", "tcg")):
                verdict = {"boot_id": boot, "qemu": version, "works": True}
                self.memory.write_text(json.dumps(verdict))
                self.assertEqual(await self.chosen("auto"), expected)

        return Deferred.fromCoroutine(check())
