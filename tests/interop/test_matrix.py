"""
{libnbd, QEMU, fio} x {unix, TCP, TLS} x {read-write, read-only} x {structured, simple replies}.

QEMU and fio always ask for structured replies.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from archipelagod.nbd.settings import NbdSettings, NbdTlsSettings
from tests.archipelagod.nbd.certificates import Authority
from tests.interop.peers import PYTHON, InteropCase

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class MatrixCase(InteropCase):
    """A daemon that listens everywhere, and clients of it."""

    pki = ""
    access = "rw"

    async def listening(self, *, tls: bool, access: str) -> int:
        """Our volume "v", in a read-only form too; the TCP port."""
        self.access = access
        settings = NbdSettings(tcp="127.0.0.1:0")
        if tls:
            # libnbd looks here for certificates when it is not told where they are.
            self.pki = f"{self.directory}/.pki/libnbd"
            authority = Authority(self.pki)
            files = NbdTlsSettings(
                certificate=authority.path("server-cert"),
                key=authority.path("server-key"),
                ca=authority.path("ca-cert"),
            )
            settings = NbdSettings(tcp="127.0.0.1:0", tls=files)
        client = await self.ours(nbd=settings)
        if access == "ro":
            await client.seal("v")
        assert self.service._nbd is not None
        return int(self.service._nbd.addresses[-1][1])

    async def libnbd(self, uri: str) -> None:
        """Every command, with both kinds of replies."""
        script = str(Path(__file__).with_name("roundtrip.py"))
        for replies in ("structured", "simple"):
            await self.good(PYTHON, script, uri, self.pki, replies, self.access)

    async def qemu(self, where: str) -> None:
        """qemu-io writes and reads, or just reads."""
        options = f"driver=nbd,{where},export=v"
        objects: tuple[str, ...] = ()
        if self.pki:
            options += ",tls-creds=tls,tls-hostname=localhost"
            made = f"tls-creds-x509,id=tls,endpoint=client,dir={self.pki},verify-peer=on"
            objects = ("--object", made)
        commands = ["read -P 0 9M 1M", "map"]
        if self.access == "rw":
            commands[:0] = ["write -P 5 0 3M", "write -z -u 1M 1M", "discard 2M 4k", "flush"]
            commands[:0] = ["write -f -P 6 8M 64k"]
            commands += ["read -P 5 0 1M", "read -P 0 1M 1M", "read -P 6 8M 64k"]
        else:
            objects += ("-r",)
        arguments = [part for command in commands for part in ("-c", command)]
        output = await self.good("qemu-io", *objects, *arguments, "--image-opts", options)
        self.assertNotIn("failed", output)

    async def fio(self, uri: str, *before: str) -> None:
        """fio verifies what it wrote, or reads."""
        os.chmod(self.directory, 0o755)
        common = ("fio", "--name=v", "--ioengine=nbd", f"--uri={uri}", "--bs=4k", "--iodepth=16")
        work: tuple[str, ...] = ("--rw=randwrite", "--verify=crc32c", "--do_verify=1", "--fsync=50")
        if self.access == "ro":
            work = ("--rw=randread",)
        await self.good(*before, *common, *work, "--size=4M", "--output=/dev/null")


class UnixTests(MatrixCase):
    """On the unix socket."""

    async def try_all(self, access: str) -> None:
        """Each client in turn."""
        await self.listening(tls=False, access=access)
        await self.libnbd(self.uri("v"))
        await self.qemu(f"path={self.nbd_socket}")
        await self.fio(self.uri("v"))

    async def test_read_write(self) -> None:
        """Everything that can be done."""
        await self.try_all("rw")

    async def test_read_only(self) -> None:
        """All that a read-only export allows."""
        await self.try_all("ro")

    async def test_tls(self) -> None:
        """TLS is offered there too."""
        await self.listening(tls=True, access="rw")
        await self.libnbd(f"nbds+unix:///v?socket={self.nbd_socket}")
        await self.qemu(f"path={self.nbd_socket}")


class TcpTests(MatrixCase):
    """Over TCP."""

    async def try_all(self, access: str) -> None:
        """Each client in turn."""
        port = await self.listening(tls=False, access=access)
        await self.libnbd(f"nbd://127.0.0.1:{port}/v")
        await self.qemu(f"host=127.0.0.1,port={port}")
        await self.fio(f"nbd://127.0.0.1:{port}/v")

    async def test_read_write(self) -> None:
        """Everything that can be done."""
        await self.try_all("rw")

    async def test_read_only(self) -> None:
        """All that a read-only export allows."""
        await self.try_all("ro")


class TlsTests(MatrixCase):
    """Inside TLS, with client certificates."""

    async def try_all(self, access: str) -> None:
        """Each client in turn."""
        port = await self.listening(tls=True, access=access)
        await self.libnbd(f"nbds://localhost:{port}/v")
        await self.qemu(f"host=127.0.0.1,port={port}")
        if os.geteuid() == 0 and shutil.which("setpriv") is not None:
            # For root libnbd looks in /etc, which is not ours.
            home = ("env", f"HOME={self.directory}")
            await self.fio(f"nbds://localhost:{port}/v", *NOBODY, *home)

    async def test_read_write(self) -> None:
        """Everything that can be done."""
        await self.try_all("rw")

    async def test_read_only(self) -> None:
        """All that a read-only export allows."""
        await self.try_all("ro")

    async def test_copies_with_four_connections(self) -> None:
        """nbdcopy uses several connections of one host at once."""
        port = await self.listening(tls=True, access="rw")
        image, back = f"{self.directory}/image", f"{self.directory}/back"
        Path(image).write_bytes(os.urandom(self.size))
        uri = f"nbds://localhost:{port}/v?tls-certificates={self.pki}"
        await self.good("nbdcopy", "--connections=4", image, uri)
        await self.good("nbdcopy", uri, back)
        self.assertTrue(Path(image).read_bytes() == Path(back).read_bytes())
        self.assertIn("protocol: newstyle-fixed with TLS", await self.good("nbdinfo", uri))
