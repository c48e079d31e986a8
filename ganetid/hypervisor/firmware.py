"""
UEFI: the firmware that is installed on this node, and the variables that each guest keeps.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from attrs import frozen

from ganetid.opcodes.errors import HypervisorError

# Debian, Fedora, Arch; code and the variables it starts with, of equal sizes.
_INSTALLED = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
)


@frozen
class Firmware:
    """Files of a firmware: its code, and a template of the variables."""

    code: Path
    variables: Path


def firmware(path: str = "") -> Firmware:
    """
    The firmware whose code is at `path`, or else one that is installed.

    Raises HypervisorError if there is none.
    """
    pairs: tuple[tuple[str, str], ...] = _INSTALLED
    if path:
        pairs = ((path, path.replace("CODE", "VARS")),)
    for code, variables in pairs:
        if code != variables and Path(code).is_file() and Path(variables).is_file():
            return Firmware(Path(code), Path(variables))
    raise HypervisorError(f"This node has no UEFI firmware {path}".rstrip())


def keep_variables(chosen: Firmware, nvram: Path) -> None:
    """Make the guest's file of variables unless it has one.  Blocks.  Raises OSError."""
    if nvram.exists() and nvram.stat().st_size == chosen.variables.stat().st_size:
        return
    partial = nvram.with_suffix(".partial")
    shutil.copyfile(chosen.variables, partial)
    partial.chmod(0o600)
    partial.replace(nvram)
