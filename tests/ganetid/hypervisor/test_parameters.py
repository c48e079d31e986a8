"""Ganeti's hypervisor parameters: what is refused, and that QEMU takes what is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.cluster.defaults import HVPARAMS, UnknownParameter, checked
from ganetid.cluster.kvm_parameters import (
    CHOICES,
    KVM_DEFAULTS,
    BadKvmParameter,
    check_together,
    check_value,
)
from ganetid.hypervisor.firmware import firmware
from ganetid.hypervisor.pinning import masks
from ganetid.hypervisor.values import Guest, UserNic
from ganetid.opcodes.errors import HypervisorError
from tests.ganetid.hypervisor.bench import DISK_A, NIC_A, QemuTestCase, deferred

BAD = {
    "boot_order": "tape",
    "cdrom_image_path": "relative.iso",
    "cpu_cores": -1,
    "cpu_mask": "1-",
    "cpu_type": "host;evil",
    "disk_cache": "fast",
    "kernel_path": "/boot/../etc/shadow",
    "kvm_extra": "unbalanced '",
    "kvm_path": "/tmp/kvm",
    "machine_version": "pc,accel=kvm",
    "migration_caps": "xbzrle auto",
    "migration_port": 0,
    "nic_type": "thunderbolt",
    "reboot_behavior": "halt",
    "security_model": "root",
    "spice_bind": "eth0",
    "usb_devices": "host:1.2",
    "vga": "voodoo",
    "virtio_net_queues": 0,
    "vnc_bind_address": "eth0",
}


class CheckTests(SynchronousTestCase):
    """Before anything starts."""

    def test_defaults(self) -> None:
        """The defaults may be as they are, alone and together."""
        for name, value in KVM_DEFAULTS.items():
            check_value(name, value)
        check_together(KVM_DEFAULTS)
        self.assertIs(HVPARAMS, KVM_DEFAULTS)

    def test_refused(self) -> None:
        """What can't be is refused with Ganeti's words, the parameter's name and the value."""
        for name, value in BAD.items():
            with self.assertRaises(UnknownParameter) as caught:
                checked({name: value}, HVPARAMS)
            text = str(caught.exception)
            self.assertTrue(
                text.startswith(f"Hypervisor parameter '{name}' fails syntax check: "), text
            )
            self.assertTrue(text.endswith(f"(current value: '{value}')"), text)

    def test_choices(self) -> None:
        """Every choice is taken."""
        for name, values in CHOICES.items():
            for value in values:
                check_value(name, value)

    @given(st.sampled_from(sorted(KVM_DEFAULTS)), st.text(max_size=20) | st.integers())
    def test_anything(self, name: str, value: Any) -> None:
        """Whatever is given, it is taken or refused, nothing else."""
        try:
            taken = checked({name: value}, HVPARAMS)
        except UnknownParameter:
            return
        for each in taken.values():
            self.assertIs(type(each), type(KVM_DEFAULTS[name]))

    def test_together(self) -> None:
        """What can't be together."""
        for parameters in (
            {"boot_order": "cdrom"},
            {"kernel_path": "/k", "root_path": ""},
            {"serial_speed": 1234},
            {"vnc_x509_verify": True},
            {"security_model": "user"},
            {"security_domain": "nobody"},
            {"disk_aio": "native"},
            {"disk_type": "pflash"},
            {"use_chroot": True},
            {"spice_bind": "0.0.0.0", "vnc_bind_address": "0.0.0.0"},
            {"spice_password_file": "/etc/secret"},
            {"spice_bind": "::1", "spice_ip_version": 4},
            {"spice_bind": "::1", "spice_use_tls": True},
        ):
            self.assertRaises(BadKvmParameter, check_together, {**KVM_DEFAULTS, **parameters})

    def test_masks(self) -> None:
        """One mask for all processors, or one for each."""
        self.assertEqual(masks("0-1,3", 2), [frozenset({0, 1, 3})] * 2)
        self.assertEqual(masks("0:all", 2), [frozenset({0}), None])
        self.assertRaises(ValueError, masks, "0:1:2", 2)


class TakenTests(QemuTestCase):
    """By a real QEMU."""

    async def takes(self, **hvparams: Any) -> None:
        """A guest with a disk and a NIC starts with these parameters."""
        node = self.nodes[-1] if self.nodes else await self.node()
        guest = Guest(
            "one", "00000000-0000-0000-0000-000000000001", 64, 2,
            drives=(self.disk("a", DISK_A), self.disk("b")),
            nics=(UserNic("52:54:00:00:00:01", uuid=NIC_A),),
            config_drive=self.disk("c").path, hvparams=hvparams,
        )  # fmt: skip
        try:
            await node.start(guest)
        except HypervisorError as error:
            self.fail(f"{hvparams}: {error}")
        await node.clear("one")

    @deferred
    async def test_machines(self) -> None:
        """Each kind of disk on each kind of machine, with all that can be added."""
        image = str(self.disk("image").path)
        everything = {
            "cdrom_image_path": image, "cdrom2_image_path": image, "floppy_image_path": image,
            "usb_mouse": "tablet", "usb_devices": "kbd mouse", "soundhw": "hda,ac97",
            "use_guest_agent": True, "keymap": "de", "use_localtime": True, "cpu_mask": "0:0",
            "cpu_sockets": 1, "cpu_cores": 2, "cpu_threads": 1, "cpu_type": "qemu64,+ssse3",
        }  # fmt: skip
        for machine in ("pc", "q35"):
            for disk_type in ("paravirtual", "scsi", "ide"):
                await self.takes(machine_version=machine, disk_type=disk_type, **everything)

    @deferred
    async def test_each(self) -> None:
        """Every choice of every parameter, many at a time."""
        cards = [each for each in CHOICES["nic_type"] if each != "paravirtual"]
        choices: dict[str, tuple[Any, ...]] = {
            "nic_type": tuple(cards),
            "vga": CHOICES["vga"],
            "boot_order": ("network", "disk"),
            "disk_cache": ("none", "writeback", "writethrough", "none"),
            "disk_aio": ("io_uring", "threads", "threads", "native"),
            "disk_discard": ("unmap",),
            "vnc_bind_address": ("127.0.0.1", str(self.directory)),
            "acpi": (False,),
            "mem_path": (str(self.directory),),
            "vnc_tls": (True,),
            "kvm_extra": ("-msg timestamp=on",),
            "disk_type": ("paravirtual", *["scsi-hd"] * 4),
            "scsi_controller_type": ("lsi", *CHOICES["scsi_controller_type"]),
        }
        for number in range(max(map(len, choices.values()))):
            await self.takes(
                **{name: given[number] for name, given in choices.items() if number < len(given)}
            )

    @deferred
    async def test_consoles(self) -> None:
        """Where the screen is: a socket in our directory or another, or a port."""
        node = await self.node()
        await node.start(self.linux(hvparams={"vnc_bind_address": "127.0.0.1"}))
        place = node.console("one")
        self.assertEqual((place.vnc, place.vnc_host), (None, "127.0.0.1"))
        assert place.vnc_port is not None
        self.assertGreaterEqual(place.vnc_port, 11000)
        await node.close()
        node = await self.node("node", "one")
        self.assertEqual(node.console("one"), place)
        await node.clear("one")
        await node.start(self.linux(hvparams={"vnc_bind_address": str(self.directory)}))
        self.assertEqual(node.console("one").vnc, f"{self.directory}/one.vnc")
        self.assertTrue(Path(f"{self.directory}/one.vnc").is_socket())

    @deferred
    async def test_password(self) -> None:
        """The screen's password is told, though it is in no list of processes."""
        secret = self.directory / "password"
        secret.write_text("s3cret\n")
        secret.chmod(0o600)
        node = await self.node()
        await node.start(self.linux(hvparams={"vnc_password_file": str(secret)}))
        known = await node.runs.alive["one"].ask("query-vnc")
        self.assertEqual(known["auth"], "vnc")
        words = Path(f"/proc/{self.pid(node)}/cmdline").read_bytes()
        self.assertNotIn(b"s3cret", words)
        absent = {"vnc_password_file": str(self.directory / "absent")}
        await node.clear("one")
        await self.refused(node.start(self.linux(hvparams=absent)))
        self.assertEqual(node.kept(), frozenset())


class UefiTests(QemuTestCase):
    """With the firmware that is installed."""

    user = "auto" if os.geteuid() == 0 else "none"

    @deferred
    async def test_uefi(self) -> None:
        """It boots our kernel, and keeps each guest's variables in a file of the guest's own."""
        try:
            found = firmware()
        except HypervisorError as error:
            raise SkipTest(str(error)) from None
        node = await self.node()
        hvparams = {"boot_type": "uefi", "machine_version": "q35"}
        await node.start(self.linux(memory_mib=256, hvparams=hvparams))
        shell = await self.shell(node)
        await shell.run("[ -d /sys/firmware/efi ]")
        kept = Path(node.places("one").nvram).read_bytes()
        self.assertEqual(len(kept), found.variables.stat().st_size)
        self.assertNotEqual(kept, found.variables.read_bytes())
        await node.clear("one")
        await self.refused(
            node.start(self.linux(hvparams={"boot_type": "uefi", "firmware_path": "/none/CODE"}))
        )
