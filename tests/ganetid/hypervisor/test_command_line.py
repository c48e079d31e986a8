"""QEMU's arguments."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ganetid.hypervisor.command_line import (
    Machine,
    Places,
    Run,
    is_of_pid_file,
    qemu_arguments,
)
from ganetid.hypervisor.values import (
    DeviceDrive,
    FileDrive,
    Guest,
    NbdDrive,
    NbdHostDrive,
    Shape,
    TapNic,
    UserNic,
)

PLACES = Places("/r/pid", "/r/qmp", "/r/ser", "/l/con", "/r/vnc", "/r/log", "/r/agent")
MACHINE = Machine("qemu", "tcg")
names = st.text(st.characters(min_codepoint=32, blacklist_categories=("Cs",)), min_size=1)


def arguments(guest: Guest, **how: Any) -> list[str]:
    return qemu_arguments(guest, MACHINE, PLACES, Run(**how))


def guest(**changes: Any) -> Guest:
    return Guest("a", "u", 64, 1, **changes)


def values(words: list[str], option: str) -> list[Any]:
    """What the option was given, each time; JSON decoded."""
    found = [value for key, value in pairwise(words) if key == option]
    return [json.loads(value) if value.startswith("{") else value for value in found]


def device(words: list[str], name: str) -> Any:
    """The device with this id."""
    return next(each for each in values(words, "-device") if each.get("id") == name)


class SafetyTests(SynchronousTestCase):
    """What is given from outside stays what it is."""

    @given(names, names, names)
    def test_cannot_add_options(self, name: str, export: str, socket: str) -> None:
        """Names with commas, quotes and dashes are values, and add nothing to the rest."""
        words = arguments(Guest(name, "u", 64, 1, (NbdDrive(socket, export),)))
        plain = arguments(guest(drives=(NbdDrive("/s", "e"),)))
        self.assertEqual(len(words), len(plain))
        block = values(words, "-blockdev")[0]
        self.assertEqual((block["export"], block["server"]["path"]), (export, socket))
        said = values(words, "-name")[0]
        self.assertEqual(said.replace(",,", "").count(","), 1)

    def test_bare(self) -> None:
        """QEMU starts with nothing but what it is told, in its sandbox, and without -drive."""
        words = arguments(guest(drives=(FileDrive("/d"),)))
        for option in ("-nodefaults", "-no-user-config", "-sandbox"):
            self.assertIn(option, words)
        denied = dict(each.split("=") for each in values(words, "-sandbox")[0].split(",")[1:])
        self.assertEqual(set(denied.values()), {"deny"})
        self.assertEqual(set(denied), {"obsolete", "elevateprivileges", "spawn", "resourcecontrol"})
        self.assertNotIn("-drive", words)

    def test_no_secret(self) -> None:
        """Of a password only that there is one is on the command line."""
        words = arguments(guest(hvparams={"vnc_password_file": "/secret/place"}))
        self.assertEqual(values(words, "-vnc"), ["unix:/r/vnc,password=on"])
        self.assertFalse([word for word in words if "secret" in word])

    def test_known_again(self) -> None:
        """A process is ours when it was told our pid file."""
        self.assertTrue(is_of_pid_file(arguments(guest()), "/r/pid"))
        self.assertFalse(is_of_pid_file(arguments(guest()), "/r/pid2"))

    def test_starters(self) -> None:
        """The network namespace is entered first, rights are given up next."""
        words = arguments(guest(namespace="ns1"), prefix=("setpriv", "--"))
        self.assertEqual(words[:7], ["ip", "netns", "exec", "ns1", "setpriv", "--", "qemu"])


class DeviceTests(SynchronousTestCase):
    """Disks, NICs, images."""

    def test_read_only(self) -> None:
        """The config drive is read-only, and never booted from."""
        words = arguments(guest(config_drive="/c.iso"))
        self.assertTrue(values(words, "-blockdev")[0]["read-only"])
        self.assertFalse([each for each in words if "bootindex" in each])

    def test_drives(self) -> None:
        """Each kind of drive is reached by its own driver; what is trimmed is let go of."""
        drives = (
            NbdDrive("/s", "e"),
            NbdHostDrive("h", 1, "e"),
            FileDrive("/f"),
            DeviceDrive("/d"),
        )
        blocks = values(arguments(guest(drives=drives)), "-blockdev")
        self.assertEqual([each["driver"] for each in blocks], ["nbd", "nbd", "raw", "raw"])
        self.assertEqual([each["file"]["driver"] for each in blocks[2:]], ["file", "host_device"])
        self.assertEqual(blocks[1]["server"], {"type": "inet", "host": "h", "port": "1"})
        self.assertEqual(
            [each["discard"] for each in blocks], ["unmap", "unmap", "ignore", "unmap"]
        )

    def test_cache(self) -> None:
        """disk_cache none is O_DIRECT; writethrough is a disk without a cache."""
        drives = (FileDrive("/f"),)
        for cache, direct in (("none", True), ("writeback", False), ("default", False)):
            words = arguments(guest(drives=drives, hvparams={"disk_cache": cache}))
            self.assertEqual(values(words, "-blockdev")[0]["file"]["cache"]["direct"], direct)
        words = arguments(guest(drives=drives, hvparams={"disk_cache": "writethrough"}))
        self.assertEqual(device(words, "disk0")["write-cache"], "off")

    def test_nics(self) -> None:
        """A NIC is a tap, or a user network that hands out the NIC's own address."""
        nics = (TapNic("m1", "t1"), UserNic("m2", "10.0.0.0/24", "10.0.0.2", "10.0.0.1"))
        first, second = values(arguments(guest(nics=nics)), "-netdev")
        self.assertEqual(
            first,
            {"type": "tap", "id": "nic0-b", "ifname": "t1", "script": "no", "downscript": "no"},
        )
        self.assertEqual(
            second,
            {"type": "user", "id": "nic1-b", "net": "10.0.0.0/24", "host": "10.0.0.1",
             "dhcpstart": "10.0.0.2", "dns": "10.0.0.3"},
        )  # fmt: skip

    def test_ids(self) -> None:
        """Devices are called by the uuids of disks and NICs, short enough for a block node."""
        uuid = "11111111-2222-3333-4444-555555555555"
        words = arguments(
            guest(drives=(FileDrive("/f", uuid=uuid),), nics=(TapNic("m", "t", uuid=uuid),))
        )
        self.assertEqual(device(words, "disk-11111111-2222-3333")["serial"], uuid[:20])
        self.assertEqual(device(words, "nic-11111111-2222-3333")["mac"], "m")
        self.assertLess(len(values(words, "-blockdev")[0]["node-name"]), 32)

    @given(
        st.sampled_from(("pc", "q35")),
        st.integers(0, 16),
        st.integers(0, 8),
        st.integers(0, 32),
        st.sampled_from(("paravirtual", "scsi")),
    )
    def test_no_place_twice(
        self, machine: str, disks: int, nics: int, spare: int, disk_type: str
    ) -> None:
        """However much a guest has, no two devices are at one place."""
        parameters = {
            "machine_version": machine, "kvm_pci_reservations": spare, "disk_type": disk_type,
            "use_guest_agent": True, "usb_mouse": "tablet",
        }  # fmt: skip
        words = arguments(
            guest(
                drives=tuple(FileDrive(f"/{number}") for number in range(disks)),
                nics=tuple(TapNic("m", f"t{number}") for number in range(nics)),
                config_drive="/c",
                hvparams=parameters,
            )
        )
        devices = [each for each in values(words, "-device") if "addr" in each]
        places = Counter((each["bus"], each["addr"]) for each in devices)
        self.assertEqual([place for place, count in places.items() if count > 1], [])

    def test_stable_places(self) -> None:
        """A NIC keeps its place when a disk is added."""
        nics = (TapNic("m", "t"),)
        one = device(arguments(guest(nics=nics, drives=(FileDrive("/1"),))), "nic0")
        two = device(arguments(guest(nics=nics, drives=(FileDrive("/1"), FileDrive("/2")))), "nic0")
        self.assertEqual(one, two)

    def test_shape(self) -> None:
        """A destination is built as the source is, whatever the instance's parameters say now."""
        shape = Shape("pc-q35-7.2", 128, 2, {"disk_type": "paravirtual"},
                      {"disk0": ("disk-port4", "00.0")}, 5, 2)  # fmt: skip
        words = arguments(guest(drives=(FileDrive("/f"),), shape=shape), is_incoming=True)
        self.assertEqual(device(words, "disk0")["bus"], "disk-port4")
        self.assertEqual(values(words, "-machine"), ["pc-q35-7.2"])
        self.assertEqual((values(words, "-m"), values(words, "-smp")), (["131080K"], ["2"]))
        ports = [each for each in values(words, "-device") if each["driver"] == "pcie-root-port"]
        self.assertEqual(len(ports), 7)
        self.assertIn("-incoming", words)


class ParameterTests(SynchronousTestCase):
    """What Ganeti's hvparams do."""

    def test_boot_order(self) -> None:
        """The CD comes before the disk, and only if it is wanted."""
        drives = (FileDrive("/f"),)
        words = arguments(
            guest(drives=drives, hvparams={"boot_order": "cdrom", "cdrom_image_path": "/cd.iso"})
        )
        self.assertLess(
            device(words, "cd0-drive")["bootindex"], device(words, "disk0")["bootindex"]
        )
        words = arguments(guest(drives=drives, hvparams={"cdrom_image_path": "http://h/x.iso"}))
        self.assertNotIn("bootindex", device(words, "cd0-drive"))
        image = next(each for each in values(words, "-blockdev") if each["node-name"] == "cd0")
        self.assertEqual(image["file"], {"driver": "http", "url": "http://h/x.iso"})

    def test_processors(self) -> None:
        """The CPU's model, flags and topology."""
        words = arguments(
            guest(hvparams={"cpu_type": "qemu64,+ssse3", "cpu_cores": 2, "cpu_threads": 1})
        )
        self.assertEqual(values(words, "-cpu"), ["qemu64,+ssse3"])
        self.assertEqual(values(words, "-smp"), ["1,cores=2,threads=1"])

    def test_kernel(self) -> None:
        """A kernel gets its initrd, its root, its arguments and the console's speed."""
        words = arguments(
            guest(hvparams={"kernel_path": "/k", "initrd_path": "/i", "kernel_args": "x y"})
        )
        self.assertEqual(values(words, "-append"), ["root=/dev/vda1 x y console=ttyS0,38400"])

    def test_vnc(self) -> None:
        """A directory makes a socket in it; an address a port: the given one, or a free one."""
        for bind, port, expected in (
            ("", None, "unix:/r/vnc"),
            ("/v", None, "unix:/v/a.vnc"),
            ("127.0.0.1", 11005, "127.0.0.1:5105"),
            ("127.0.0.1", None, "127.0.0.1:5100,to=9099"),
        ):
            words = arguments(guest(hvparams={"vnc_bind_address": bind}, vnc_port=port))
            self.assertEqual(values(words, "-vnc"), [expected])

    def test_accelerator(self) -> None:
        """kvm_flag decides for one guest; kvm_path's default is the node's own QEMU."""
        words = arguments(guest(hvparams={"kvm_flag": "enabled"}))
        self.assertEqual((values(words, "-accel"), values(words, "-cpu")), (["kvm"], ["host"]))
        self.assertEqual(words[0], "qemu")
        path = "/usr/bin/qemu-system-aarch64"
        self.assertEqual(arguments(guest(hvparams={"kvm_path": path}))[0], path)

    def test_rest(self) -> None:
        """Switches that are one option each."""
        for parameters, option, expected in (
            ({"acpi": False}, "-machine", "pc,acpi=off"),
            ({"machine_version": "q35"}, "-machine", "q35"),
            ({"use_localtime": True}, "-rtc", "base=localtime"),
            ({"reboot_behavior": "exit"}, "-action", "panic=none,reboot=shutdown"),
            ({"mem_path": "/huge"}, "-mem-path", "/huge"),
            ({"kvm_extra": "-msg 'timestamp=on'"}, "-msg", "timestamp=on"),
            ({"keymap": "de"}, "-k", "de"),
        ):
            words = arguments(guest(hvparams=parameters))
            self.assertEqual(values(words, option), [expected], parameters)

    def test_devices(self) -> None:
        """Parameters that add devices."""
        for parameters, drivers in (
            ({"usb_mouse": "tablet"}, {"piix3-usb-uhci", "usb-tablet"}),
            ({"usb_mouse": "tablet", "machine_version": "q35"}, {"qemu-xhci", "usb-tablet"}),
            ({"use_guest_agent": True}, {"virtio-serial-pci", "virtserialport"}),
            ({"soundhw": "ac97"}, {"AC97"}),
            ({"vga": "cirrus"}, {"cirrus-vga"}),
            ({"disk_type": "scsi"}, {"lsi53c895a", "scsi-hd"}),
            ({"disk_type": "ide"}, {"ide-hd"}),
            ({"nic_type": "e1000"}, {"e1000"}),
            ({"floppy_image_path": "/f"}, {"isa-fdc", "floppy"}),
        ):
            words = arguments(
                guest(drives=(FileDrive("/f"),), nics=(TapNic("m", "t"),), hvparams=parameters)
            )
            found = {each["driver"] for each in values(words, "-device")}
            self.assertEqual(drivers - found, set(), parameters)
