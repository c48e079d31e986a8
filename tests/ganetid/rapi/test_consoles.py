"""
A guest's memory, reboots and consoles by the remote API, with a real QEMU and a Linux in it.
"""

from __future__ import annotations

import os
import shutil
import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.cluster.kvm_parameters import KVM_DEFAULTS
from ganetid.hypervisor.interface import ConsolePlace
from ganetid.rapi.consoles import console_at
from tests.ganetid.cluster import NAME, ClusterTestCase, create_body
from tests.ganetid.os.system import INSTANCE
from tests.live.linux_guest import Shell, kernel_and_initrd, make_initrd, shell

PATH = f"/2/instances/{NAME}"
QEMU = "qemu-system-x86_64"
WITHOUT_SERIAL = {**KVM_DEFAULTS, "serial_console": False}


class KindTests(SynchronousTestCase):
    """What is told of each."""

    def test_serial(self) -> None:
        """A serial port counts first; it is reached by a command on the node."""
        place = ConsolePlace("/vnc", "/serial", vnc_host="::", vnc_port=11000)
        found = console_at(INSTANCE, KVM_DEFAULTS, place)
        self.assertEqual((found["kind"], found["user"]), ("ssh", "root"))
        self.assertEqual(found["host"], INSTANCE.primary_node)
        self.assertEqual(found["command"][-1], "UNIX-CONNECT:/serial")

    def test_nothing(self) -> None:
        """Sockets alone are told, with a message for Ganeti's clients."""
        found = console_at(INSTANCE, WITHOUT_SERIAL, ConsolePlace("/vnc", "/serial"))
        self.assertEqual((found["kind"], found["path"]), ("msg", "/vnc"))
        found = console_at(INSTANCE, {}, ConsolePlace(None, None))
        self.assertEqual(set(found), {"instance", "kind", "message"})


class QemuTests(ClusterTestCase):
    """One guest, in a ganetid of this process."""

    timeout = 180

    def setUp(self) -> None:
        if shutil.which(QEMU) is None:
            raise SkipTest(f"there is no {QEMU}")
        super().setUp()

    async def done(self, *request: Any) -> Any:
        """The job that it makes, which succeeds."""
        job = await self.client.job(*request)
        self.assertEqual(job["status"], "success", job["opresult"])
        return job

    async def boot(self) -> Shell:
        """The guest; a shell in it."""
        self.client = await self.start(hypervisor="kvm", accel="tcg", network_mode="user")
        kernel, _ = kernel_and_initrd()
        self.directory.chmod(0o711)
        initrd = make_initrd(self.directory)
        initrd.chmod(0o644)
        given = create_body(
            hypervisor="kvm", disk_template="diskless", disks=[],
            beparams={"vcpus": 1, "maxmem": 192, "minmem": 128},
            hvparams={"kernel_path": str(kernel), "initrd_path": str(initrd),
                      "kernel_args": "quiet no_timer_check"},
        )  # fmt: skip
        del given["osparams_private"]
        await self.done("POST", "/2/instances", given)
        found = await self.console()
        self.assertEqual(found["kind"], "ssh")
        made = await shell(found["serial"])
        self.addCleanup(made.close)
        return made

    async def console(self) -> Any:
        status, found = await self.client.call("GET", f"{PATH}/console")
        self.assertEqual(status, 200, found)
        return found

    def test_life(self) -> Deferred[None]:
        """
        Its memory falls while it runs; a full reboot makes a new QEMU with its new parameters, so
        its console is of another kind; one that does not hear of its end is ended.
        """

        async def check() -> None:
            linux = await self.boot()
            self.addCleanup(self.remove)
            await self.balloons(linux)
            await self.changes_kinds()
            await self.is_ended()

        return Deferred.fromCoroutine(check())

    def remove(self) -> Deferred[Any]:
        """Whatever became of the test."""
        return Deferred.fromCoroutine(self.client.job("DELETE", PATH, {"shutdown_timeout": 0}))

    async def balloons(self, linux: Shell) -> None:
        """A guest that may take memory back from the balloon in need counts it in MemTotal."""
        free = "$(awk '/MemFree/ {print $2}' /proc/meminfo)"
        most = int(await linux.run(f"echo {free}")) - 45 * 1024
        await self.done("PUT", f"{PATH}/modify", {"runtime_mem": 136})
        await linux.run(
            f"n=0; while [ {free} -gt {most} ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || break;"
            f" done; [ {free} -le {most} ]"
        )
        for wrong in (64, 256):
            job = await self.client.job("PUT", f"{PATH}/modify", {"runtime_mem": wrong})
            self.assertEqual(job["opresult"][0][0], "OpPrereqError")

    async def changes_kinds(self) -> None:
        pids = {self.pid()}
        for bind in ("vnc_bind_address", "spice_bind"):
            hvparams = {"serial_console": False, "vnc_bind_address": "", "spice_bind": ""}
            await self.done("PUT", f"{PATH}/modify", {"hvparams": {**hvparams, bind: "127.0.0.1"}})
            self.assertNotEqual((await self.console())["kind"], bind[:3])
            await self.reboot()
            found = await self.console()
            self.assertEqual(found["kind"], bind.partition("_")[0])
            _, shown = await self.client.call("GET", PATH)
            self.assertEqual((found["host"], found["port"]), ("127.0.0.1", shown["network_port"]))
            await deferToThread(self.listens, found["port"])
            pids.add(self.pid())
        self.assertEqual(len(pids), 3)

    async def reboot(self) -> None:
        """Full; the remote API itself knows no time-out for it but Ganeti's of two minutes."""
        master = self.services[-1].master
        assert master is not None
        given = {"instance_name": NAME, "reboot_type": "full", "shutdown_timeout": 1}
        job = await self.client.ended(await master.submit("OP_INSTANCE_REBOOT", given))
        self.assertEqual(job["status"], "success", job)
        self.assertIn("did not shut down within 1 s and was ended", str(job["oplog"]))

    async def is_ended(self) -> None:
        """It has nobody who hears of the power button."""
        pid = self.pid()
        job = await self.done("PUT", f"{PATH}/shutdown", {"timeout": 1})
        self.assertIn("did not shut down within 1 s and was ended", str(job["oplog"]))
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.assertEqual((await self.client.call("GET", f"{PATH}/console"))[0], 503)
        self.assertEqual((await self.client.call("GET", "/2/instances/absent/console"))[0], 404)

    def listens(self, port: int) -> None:
        socket.create_connection(("127.0.0.1", port), 5).close()

    def pid(self) -> int:
        kvm: Any = self.services[-1].half.node.hypervisors["kvm"]
        return int(kvm.runs.here(NAME).process.pid)
