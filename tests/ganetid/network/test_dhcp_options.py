"""DHCP options of single NICs: their bytes, and what real clients make of them."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ganetid.network.ports import DhcpOption, NetworkPlan, PortPlan
from ganetid.network.wire import dhcp, dhcp6
from ganetid.network.wire.answers import lease_of
from ganetid.network.wire.dhcp6_options import option6_value
from ganetid.network.wire.dhcp_options import is_next_server, next_server, option_value
from tests.ganetid.network.lab import FakeGuest, NetworkTestCase, run_test
from tests.ganetid.network.test_wire import TELLS, placed

NETWORK = NetworkPlan(
    "net", "gtbr1", subnet="10.7.0.0/24", gateway="10.7.0.1", subnet6="fd00:7::/64",
    gateway6="fd00:7::1", managed6=True,
)  # fmt: skip
PORT = PortPlan("uuid-one", "fa:16:3e:00:00:09", ("10.7.0.9", "fd00:7::9"), "net", host_name="one")


def option(value: str, name: str | None = None, **more: Any) -> DhcpOption:
    return DhcpOption(value, name=name, **more)


class ValueTests(SynchronousTestCase):
    """From text to bytes."""

    def test_values(self) -> None:
        """Each is written as its option wants it, by name or by number."""
        for each, number, value in (
            (option("192.0.2.1", "tftp-server"), 66, b"192.0.2.1"),
            (option("x.0", "bootfile-name"), 67, b"x.0"),
            (option("x.0", "67"), 67, b"x.0"),
            (option("192.0.2.1, 192.0.2.2", number=150), 150, b"\xc0\0\x02\x01\xc0\0\x02\x02"),
            (option("a.org b.org", "domain-search"), 119, b"\x01a\x03org\0\x01b\x03org\0"),
            (option("10.0.0.0/8,10.7.0.1", number=121), 121, b"\x08\x0a\x0a\x07\0\x01"),
            (option("hex:01ff", number=224), 224, b"\x01\xff"),
        ):
            self.assertEqual(option_value(each), (number, value))
        one = b"\xfd" + bytes(14) + b"\x01"
        for each, number, value in (
            (option("http://[fd00::1]/x", "bootfile-url"), 59, b"http://[fd00::1]/x"),
            (option("a bc", "bootfile-param"), 60, b"\0\x01a\0\x02bc"),
            (option("[fd00::1]", "dns-server"), 23, one),
            (option("fd00::1", "ntp-server"), 56, b"\0\x01\0\x10" + one),
            (option("600", number=32), 32, b"\0\0\x02\x58"),
        ):
            self.assertEqual(option6_value(evolve(each, ip_version=6)), (number, value))

    def test_wrong(self) -> None:
        """What an option can't be is refused."""
        for each in (
            option("x"), option("x", "colour"), option("x", "bootfile-name", number=67),
            option("1", number=53), option("", number=67), option("x", number=42),
            option("x" * 1025, number=67), option("10.0.0.0/8", number=121),
            option("a..b", number=119), option("300", number=23), option("x", number=0),
            option("x", number=255), option("x", number=-1), option("hex:0", number=224),
        ):  # fmt: skip
            self.assertRaises(ValueError, option_value, each)
        for each in (
            option("x", "tftp-server"), option("x", number=1), option("x", number=23),
            option("10.0.0.1", number=23), option("x", number=65536), option("", number=59),
        ):  # fmt: skip
            self.assertRaises(ValueError, option6_value, evolve(each, ip_version=6))
        self.assertRaises(ValueError, is_next_server, option("x", "server-ip-address"))

    def test_next_server(self) -> None:
        """The server to boot from is the one named so, else the TFTP server's address."""
        named, tftp = option("192.0.2.7", "server-ip-address"), option("192.0.2.8", "tftp-server")
        for options, server in (
            ([tftp, named], "192.0.2.7"), ([tftp], "192.0.2.8"), ([], None),
            ([option("tftp.example", number=66)], None),
        ):  # fmt: skip
            self.assertEqual(next_server(options), server)

    @given(st.text(max_size=40), st.integers(0, 300), st.sampled_from([4, 6]))
    def test_any_text(self, text: str, number: int, version: int) -> None:
        """Any text is bytes or ValueError, nothing else."""
        try:
            given = DhcpOption(text, number, ip_version=version)
            (option_value if version == 4 else option6_value)(given)
        except ValueError:
            return

    def test_told(self) -> None:
        """Fields of the message say it too; an option instead of the network's own is said once."""
        options = (
            option("192.0.2.7", "server-ip-address"), option("tftp.example", "tftp-server"),
            option("x.0", "bootfile-name"), option("192.0.2.99", "dns-server"),
            option("fd00::99", "dns-server", ip_version=6),
        )  # fmt: skip
        lease = lease_of(placed(NETWORK, evolve(PORT, dhcp_options=options)), TELLS)
        assert lease is not None
        asked = dhcp.DhcpMessage(1, 7, PORT.mac, options={dhcp.KIND: b"\x01"})
        reply = dhcp.answer(asked, lease)
        assert reply is not None
        said = dhcp.decode(dhcp.encode(reply.message))
        self.assertEqual(
            (said.siaddr, said.server_name, said.file), ("192.0.2.7", b"tftp.example", b"x.0")
        )
        self.assertEqual(said.options[dhcp.DNS], b"\xc0\0\x02\x63")
        binding = dhcp6.Binding6(b"s", dns=("fd00::53",), more=(option6_value(options[4]),))
        told = dhcp6.answer(dhcp6.Dhcp6Message(dhcp6.INFORMATION_REQUEST, 1), binding)
        assert told is not None
        self.assertEqual([value[-1] for number, value in told.options if number == 23], [0x99])


def ask6() -> bytes:
    """What a client's information request is answered.  Call it within its namespace."""
    asked = dhcp6.encode(dhcp6.Dhcp6Message(dhcp6.INFORMATION_REQUEST, 77))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as opened:
        opened.bind(("::", 546))
        opened.settimeout(0.3)
        for _ in range(30):  # its own address has to be found free first
            time.sleep(0.1)
            with contextlib.suppress(OSError):
                opened.sendto(asked, ("ff02::1:2", 547, 0, socket.if_nametoindex("eth0")))
                return opened.recv(2000)
    raise TimeoutError


class ClientTests(NetworkTestCase):
    """Real clients."""

    async def bound(self, guest: FakeGuest, client: str, *asked: str) -> list[str]:
        """The lines of environment that a client has once it is bound."""
        script = self.directory / "bound"
        script.write_text("#!/bin/sh\n[ $1 != bound ] || env\n")
        script.chmod(0o755)
        words = [word for each in asked for word in ("-O", each)]
        said = await guest.says("busybox", client, "-i", "eth0", "-f", "-n", "-q", "-t", "9", "-T",
                                "1", *words, "-s", str(script))  # fmt: skip
        return said.splitlines()

    def test_clients(self) -> Deferred[None]:
        """They are told, and told of a change at once."""
        if shutil.which("busybox") is None:
            raise SkipTest("there is no busybox")

        async def check() -> None:
            await self.begin(NETWORK)
            options = (
                option("192.0.2.7", "server-ip-address"), option("192.0.2.8", "tftp-server"),
                option("pxelinux.0", "bootfile-name"), option("192.0.2.9", number=42),
                option("http://[fd00::1]/x", "bootfile-url", ip_version=6),
                option("a.example", "domain-search", ip_version=6),
            )  # fmt: skip
            guest = await self.guest(evolve(PORT, dhcp_options=options))
            lines = await self.bound(guest, "udhcpc", "tftp", "bootfile", "ntpsrv")
            for line in ("siaddr=192.0.2.7", "tftp=192.0.2.8", "bootfile=pxelinux.0",
                         "boot_file=pxelinux.0", "ntpsrv=192.0.2.9"):  # fmt: skip
                self.assertIn(line, lines)
            newer = evolve(PORT, dhcp_options=(option("other", "bootfile-name"), options[5]))
            await self.network.update("one", (newer,), None)
            lines = await self.bound(guest, "udhcpc", "tftp", "bootfile")
            self.assertIn("bootfile=other", lines)
            self.assertFalse([each for each in lines if each.startswith(("tftp=", "siaddr="))])
            told = dhcp6.decode(await guest.inside(ask6))
            self.assertEqual(told.option(59), None)
            self.assertEqual(told.option(24), b"\x01a\x07example\0")

        return run_test(check)
