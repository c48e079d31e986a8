"""
The disk: a boot partition (FAT, syslinux) and the root (ext4), put together without mounting.
"""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

from rootfs import EPOCH

MIB = 1 << 20
SECTOR = 512
BOOT_AT, BOOT_SIZE = 1 * MIB, 18 * MIB
ROOT_AT, ROOT_SIZE = BOOT_AT + BOOT_SIZE, 28 * MIB
DISK_SIZE = ROOT_AT + ROOT_SIZE + 1 * MIB
ROOT_LABEL = "synnefo-root"
ROOT_UUID = "8c5a9a5e-5f0c-4d0e-9d59-73796e6e6566"
DISK_ID = 0x53594E58
MBR = Path("/usr/lib/SYSLINUX/mbr.bin")

KERNEL_ARGUMENTS = (
    "console=tty0",
    "console=ttyS0,115200",  # the last one is /dev/console
    "quiet",
    "panic=5",
    "mitigations=off",
    "cryptomgr.notests",  # 0.3 s less with emulated processors
    "random.trust_cpu=on",
    "tsc=reliable",
    "net.ifnames=0",
)
SYSLINUX_CFG = f"""\
DEFAULT guest
PROMPT 0
TIMEOUT 0
NOESCAPE 1
LABEL guest
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND {" ".join(KERNEL_ARGUMENTS)}
"""


class ToolError(Exception):
    """
    A program that makes file systems failed or is missing; ``str()`` says which.
    """


def write(target: Path, work: Path, kernel: Path, initrd: Path) -> None:
    """
    Write the whole disk at ``target``.  The root's files are in ``work``/root.
    """
    boot, root = work / "boot.fat", work / "root.ext4"
    _write_boot(boot, work, kernel, initrd)
    _write_root(root, work / "root")
    with target.open("wb") as image:
        image.write(_master_boot_record())
        for part, offset in ((boot, BOOT_AT), (root, ROOT_AT)):
            image.seek(offset)
            _copy_sparsely(part, image.fileno())
        image.truncate(DISK_SIZE)
        os.fsync(image.fileno())


def _write_boot(boot: Path, work: Path, kernel: Path, initrd: Path) -> None:
    config = work / "syslinux.cfg"
    config.write_text(SYSLINUX_CFG)
    boot.touch()
    os.truncate(boot, BOOT_SIZE)
    hidden = str(BOOT_AT // SECTOR)  # the loader needs to know where its partition begins
    sectors = str(BOOT_SIZE // SECTOR)
    geometry = [
        "-h",
        "64",
        "-s",
        "32",
        "-H",
        hidden,
        "-T",
        sectors,
        "-c",
        "8",
        "-N",
        f"{DISK_ID:x}",
    ]
    _run("mformat", "-i", str(boot), *geometry, "-v", "BOOT", "::")
    for file, name in ((config, "syslinux.cfg"), (kernel, "vmlinuz"), (initrd, "initrd")):
        os.utime(file, (EPOCH, EPOCH))
        _run("mcopy", "-m", "-i", str(boot), str(file), f"::/{name}")
    _run("syslinux", "--install", str(boot))


def _write_root(root: Path, tree: Path) -> None:
    root.touch()
    os.truncate(root, ROOT_SIZE)
    extended = f"root_owner=0:0,hash_seed={ROOT_UUID},lazy_itable_init=0,nodiscard"
    layout = ["-t", "ext4", "-q", "-F", "-m", "1", "-b", "4096", "-O", "^metadata_csum_seed"]
    named = ["-L", ROOT_LABEL, "-U", ROOT_UUID, "-E", extended]
    _run("mke2fs", *layout, *named, "-d", str(tree), str(root))
    _settle(root, tree)


def _settle(root: Path, tree: Path) -> None:
    """
    mke2fs takes the builder's user and the moment along: all belongs to root, at a fixed time.
    """
    names = ["/", *(f"/{path.relative_to(tree)}" for path in sorted(tree.rglob("*")))]
    fields = {"uid": "0", "gid": "0", "ctime": f"@{EPOCH}", "atime": f"@{EPOCH}"}
    fields |= {"mtime": f"@{EPOCH}", "crtime": f"@{EPOCH}"}
    script = root.with_suffix(".debugfs")
    edits = (
        f'set_inode_field "{name}" {key} {to}\n' for name in names for key, to in fields.items()
    )
    script.write_text("".join(edits))
    _run("debugfs", "-w", "-f", str(script), str(root))


def _master_boot_record() -> bytes:
    """
    The first sector: syslinux's code, an active FAT partition, and the root.
    """
    if not MBR.is_file():
        raise ToolError(f"{MBR} is missing: install syslinux-common")
    code = MBR.read_bytes()[:440].ljust(440, b"\0")
    first = _partition(0x80, 0x0E, BOOT_AT, BOOT_SIZE)
    second = _partition(0, 0x83, ROOT_AT, ROOT_SIZE)
    table = (first + second).ljust(64, b"\0")
    return code + struct.pack("<IH", DISK_ID, 0) + table + b"\x55\xaa"


def _partition(active: int, kind: int, offset: int, size: int) -> bytes:
    beyond = b"\xfe\xff\xff"  # cylinder, head and sector are not used
    where = struct.pack("<II", offset // SECTOR, size // SECTOR)
    return bytes([active]) + beyond + bytes([kind]) + beyond + where


def _copy_sparsely(source: Path, image: int) -> None:
    """
    Copy to the place where ``image`` stands, leaving holes where there are only zeros.
    """
    with source.open("rb") as file:
        while chunk := file.read(64 * 1024):
            if chunk.count(0) == len(chunk):
                os.lseek(image, len(chunk), os.SEEK_CUR)
            else:
                os.write(image, chunk)


def _run(*command: str) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    environment = {**os.environ, "PATH": path, "E2FSPROGS_FAKE_TIME": str(EPOCH), "TZ": "UTC"}
    environment |= {"MTOOLS_SKIP_CHECK": "1", "SOURCE_DATE_EPOCH": str(EPOCH)}
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise ToolError(f"{command[0]} is missing") from error
    except subprocess.CalledProcessError as error:
        raise ToolError(f"{' '.join(command)}: {error.stderr.strip()}") from error
