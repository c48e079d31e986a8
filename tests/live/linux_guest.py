"""
A Linux guest to talk to: the test image's kernel and initramfs, with a shell on the serial port.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from tests.live.kernel import CHECKOUT

AGENT = "qemu-ga"
INIT = b"""#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
/bin/busybox mkdir -p /dev /proc /sys /tmp /run /var/run
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
while read -r module; do
    /bin/busybox insmod "/modules/$module" 2>/dev/null
done </modules/order
/bin/busybox --install -s /bin
[ -f /modules/virtio_console.ko ] && insmod /modules/virtio_console.ko
[ -x /start ] && /start &
stty -echo </dev/ttyS0
exec </dev/ttyS0 >/dev/ttyS0 2>&1
echo "==ready=="
while read -r line; do
    eval "$line"
    echo "==done $?=="
done
"""
_DONE = re.compile(rb"==done (\d+)==\r?\n")


@cache
def kernel_and_initrd() -> tuple[Path, bytes]:
    """Of the test image; built when it is not there."""
    said = subprocess.run(
        [sys.executable, "tools/image", "--kernel"],
        cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    kernel, initrd = (Path(line) for line in said.stdout.splitlines()[-2:])
    return kernel, initrd.read_bytes()


def make_initrd(directory: Path, files: dict[str, tuple[int, bytes]] | None = None) -> Path:
    """An initramfs with our init, and more files: mode and content by path."""
    tree = directory / "initrd-tree"
    for name, (mode, content) in {"init": (0o755, INIT), **(files or {})}.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    packed = subprocess.run(
        ["busybox", "sh", "-c", "busybox find . | busybox cpio -o -H newc"],
        cwd=tree, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ).stdout  # fmt: skip
    target = directory / "initrd"
    target.write_bytes(_padded(kernel_and_initrd()[1]) + packed)
    shutil.rmtree(tree)
    return target


def agent_files() -> dict[str, tuple[int, bytes]]:
    """
    The real guest agent of this machine with all it needs, started in the guest.

    Raises SkipTest when it is not installed.
    """
    program = shutil.which(AGENT)
    modules = sorted(Path("/lib/modules").glob("*/kernel/drivers/char/virtio_console.ko"))
    release = kernel_release()
    modules = [path for path in modules if path.parts[3] == release]
    if program is None or not modules:
        raise SkipTest("there is no qemu-guest-agent, or no module for its channel")
    said = subprocess.run(["ldd", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    files = {path.lstrip("/"): (0o755, Path(path).read_bytes())
             for path in re.findall(r"(/\S+) \(0x", said)}  # fmt: skip
    files["usr/bin/qemu-ga"] = (0o755, Path(program).read_bytes())
    files["modules/virtio_console.ko"] = (0o644, modules[0].read_bytes())
    start = "#!/bin/busybox sh\nexec /usr/bin/qemu-ga -m virtio-serial"
    start += " -p /dev/$(ls /sys/class/virtio-ports) -t /run\n"
    files["start"] = (0o755, start.encode())
    return files


def kernel_release() -> str:
    """The release of the test image's kernel."""
    head = kernel_and_initrd()[0].read_bytes()[:65536]
    offset = int.from_bytes(head[0x20E:0x210], "little") + 0x200
    return head[offset : head.index(b"\0", offset)].split()[0].decode()


class Shell(Protocol):
    """The guest's serial port."""

    def __init__(self) -> None:
        self.seen = b""
        self._waiting: tuple[re.Pattern[bytes], Deferred[re.Match[bytes]]] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.seen += data
        self._look()

    def until(self, pattern: re.Pattern[bytes], seconds: float) -> Deferred[re.Match[bytes]]:
        """What was seen up to the pattern is taken away."""
        waiting: Deferred[re.Match[bytes]] = Deferred()
        self._waiting = (pattern, waiting)
        waiting.addTimeout(seconds, reactor)
        self._look()
        return waiting

    async def run(self, command: str, seconds: float = 40) -> str:
        """What the command wrote, when it has ended with status 0."""
        self.transport.write(command.encode() + b"\n")  # type: ignore[union-attr]
        found = await self.until(_DONE, seconds)
        text = found.string[: found.start()].decode(errors="replace").replace("\r\n", "\n")
        if found[1] != b"0":
            raise AssertionError(f"{command}: status {found[1].decode()}: {text}")
        return text.strip()

    def send(self, command: str) -> None:
        """Begin a command."""
        self.transport.write(command.encode() + b"\n")  # type: ignore[union-attr]

    def close(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _look(self) -> None:
        if self._waiting is None:
            return
        pattern, waiting = self._waiting
        found = pattern.search(self.seen)
        if found is not None:
            self.seen = self.seen[found.end() :]
            self._waiting = None
            waiting.callback(found)


async def shell(socket: str | None, is_new: bool = True) -> Shell:
    """A shell at a guest's serial socket; of a new guest, once it is up."""
    assert socket is not None
    link = Shell()
    await connectProtocol(UNIXClientEndpoint(reactor, socket, timeout=5), link)
    if is_new:
        await link.until(re.compile(rb"==ready==\r?\n"), 60)
        await deferLater(reactor, 0.05)
    return link


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)
