"""
Whether KVM can be used here.  That /dev/kvm opens proves nothing: there are machines where it does
and an ordinary kernel crawls or crashes, so a real one has to boot first.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from ganetid.hypervisor.probe_guest import MARK, init_program, initramfs, newest_kernel
from ganetid.node.facts import boot_id
from ganetid.node.programs import ProgramFailed, run

PATIENCE_S = 3.0
KVM, TCG = "kvm", "tcg"
DEVICE = "/dev/kvm"


@frozen
class Verdict:
    """Whether KVM works, on which boot of this machine and for which QEMU."""

    boot_id: str
    qemu: str
    works: bool


class _ProbeProcess(ProcessProtocol):
    """Reads a guest's serial port from QEMU's output; the Deferred tells whether it is up."""

    def __init__(self) -> None:
        self._seen = b""
        self.is_up: Deferred[bool] = Deferred()
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self._seen = (self._seen + data)[-4096:]
        if MARK.encode("ascii") in self._seen:
            self.tell(True)

    def processEnded(self, reason: Failure) -> None:
        self.tell(False)
        self.ended.callback(None)

    def end(self) -> None:
        """Kill the QEMU, if it is still there."""
        if self.transport is not None and self.transport.pid:
            self.transport.signalProcess("KILL")

    def tell(self, is_up: bool) -> None:
        """What is known now; only the first word counts."""
        if not self.is_up.called:
            self.is_up.callback(is_up)


async def boots(reactor: Any, qemu: str, accelerator: str, kernel: Path, patience_s: float) -> bool:
    """Whether a guest under the accelerator gets to its first program within the time."""
    with tempfile.NamedTemporaryFile(prefix="ganetid-probe-") as image:
        image.write(initramfs(init_program()))
        image.flush()
        probe = _ProbeProcess()
        cpu = "host" if accelerator == KVM else "max"
        arguments = [
            # Should this daemon be killed, its test guest must not outlive it.
            "setpriv", "--pdeathsig", "KILL",
            qemu, "-accel", accelerator, "-cpu", cpu, "-machine", "pc", "-m", "256M",
            "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", str(kernel), "-initrd", image.name,
            "-append", "console=ttyS0 quiet panic=-1", "-serial", "stdio",
        ]  # fmt: skip
        reactor.spawnProcess(probe, "setpriv", arguments, env=None)
        late = reactor.callLater(patience_s, probe.tell, False)
        try:
            return await probe.is_up
        finally:
            if late.active():
                late.cancel()
            probe.end()
            await probe.ended


class Accelerator:
    """
    The accelerator that guests are started with now.

    wanted: kvm, tcg, or auto: TCG, until KVM has passed its test.
    memory: file in which the test's outcome is kept, for this boot and this QEMU.
    """

    _log = Logger()

    def __init__(self, reactor: Any, wanted: str, qemu: str, memory: Path) -> None:
        self._reactor = reactor
        self._wanted = wanted
        self._qemu = qemu
        self._memory = memory
        self.current = KVM if wanted == KVM else TCG

    async def find_out(self) -> None:
        """Choose; may take some seconds the first time.  Raises nothing, unless cancelled."""
        if self._wanted != "auto":
            self._log.info("guests run under {name}, as set", name=self.current)
            return
        if not os.access(DEVICE, os.R_OK | os.W_OK):
            self._log.info("guests are emulated (TCG): there is no {device}", device=DEVICE)
            return
        try:
            works = await self._test()
        except (OSError, ProgramFailed) as error:
            self._log.warn("guests are emulated (TCG): {error}", error=error)
            return
        if works:
            self.current = KVM
            self._log.info("guests run under KVM")
        else:
            self._log.warn("guests are emulated (TCG): {device} is unusable", device=DEVICE)

    async def _test(self) -> bool:
        version = (await run(self._reactor, [self._qemu, "--version"])).output.partition("\n")[0]
        known = await deferToThread(_read, self._memory)
        if known is not None and (known.boot_id, known.qemu) == (boot_id(), version):
            return known.works
        kernel = newest_kernel()
        if kernel is None:
            self._log.warn("KVM can't be tested: no kernel can be read in /boot")
            return False
        works = await boots(self._reactor, self._qemu, KVM, kernel, PATIENCE_S)
        await deferToThread(_write, self._memory, Verdict(boot_id(), version, works))
        return works


def _read(path: Path) -> Verdict | None:
    try:
        return Verdict(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, verdict: Verdict) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(verdict)), encoding="utf-8")
    partial.replace(path)
