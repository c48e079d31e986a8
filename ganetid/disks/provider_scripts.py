"""
A provider of external storage: its scripts, and what they are told.

Source: Ganeti 3.0 ganeti-extstorage-interface(7).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

from ganetid.cluster.model import Disk
from ganetid.scripts.names import directory_of
from ganetid.scripts.running import PATH

SEARCH_PATH = (Path("/srv/ganeti/extstorage"), Path("/usr/share/ganeti/extstorage"))
REQUIRED = ("create", "remove", "grow", "attach", "detach", "setinfo", "verify")
OPTIONAL = ("snapshot", "open", "close")
PARAMETERS = "parameters.list"
KERNELSPACE, USERSPACE = "kernelspace", "userspace"


class BadProvider(Exception):
    """There is no such provider, or it lacks something; in Ganeti's words."""


@frozen
class Provider:
    """
    A provider's directory.  scripts: those it has.  parameters: (name, description).

    ``verify`` must be there and is never called, as in Ganeti.
    """

    name: str
    directory: Path
    scripts: frozenset[str]
    parameters: tuple[tuple[str, str], ...]


def provider_named(name: str, search_path: Iterable[Path]) -> Provider:
    """The provider.  Raises BadProvider.  Blocks: call it in a thread."""
    directory = directory_of(name, search_path)
    if directory is None:
        raise BadProvider(
            f"Directory for External Storage Provider {name} not found in search path"
        )
    scripts = {each for each in REQUIRED if _is_there(directory, each, required=True)}
    scripts |= {each for each in OPTIONAL if _is_there(directory, each, required=False)}
    _is_there(directory, PARAMETERS, required=True)
    text = (directory / PARAMETERS).read_text(encoding="utf-8", errors="replace")
    words = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    parameters = tuple((each[0], each[1].strip() if len(each) > 1 else "") for each in words)
    return Provider(name, directory, frozenset(scripts), parameters)


def environment_of(
    disk: Disk,
    access: str = KERNELSPACE,
    *,
    size_mib: int | None = None,
    new_size_mib: int | None = None,
    metadata: str | None = None,
    snapshot: tuple[str, int] | None = None,
    exclusive: bool | None = None,
) -> dict[str, str]:
    """
    All of the environment of a script.

    size_mib: of ``create`` and ``grow``.  new_size_mib: of ``grow``.  metadata: of ``setinfo``.
    snapshot: (name, size in MiB), of ``snapshot``, which is told neither the disk's name nor its
    UUID.  exclusive: of ``open``.
    """
    environment = {"HOME": "/root", "LC_ALL": "C", "PATH": PATH, "VOL_NAME": disk.name}
    parameters = {**disk.params, "provider": disk.provider or "", "access": access}
    for name, value in parameters.items():
        environment[f"EXTP_{_upper(name)}"] = value
    special: Mapping[str, object] = {
        "VOL_SIZE": size_mib,
        "VOL_NEW_SIZE": new_size_mib,
        "VOL_METADATA": metadata,
        "VOL_CNAME": None if snapshot else disk.name,
        "VOL_UUID": None if snapshot else disk.uuid,
        "VOL_SNAPSHOT_NAME": snapshot and snapshot[0],
        "VOL_SNAPSHOT_SIZE": snapshot and snapshot[1],
        "VOL_OPEN_EXCLUSIVE": exclusive,
    }
    environment |= {name: str(value) for name, value in special.items() if value is not None}
    return environment


def metadata_from(text: str) -> str:
    """`text` as ``setinfo`` may have it: 128 harmless characters."""
    text = re.sub(r"^[^A-Za-z0-9_+.]", "_", text)
    return re.sub(r"[^-A-Za-z0-9_+.]", "_", text)[:128]


def _upper(name: str) -> str:
    """A parameter's name as part of a variable's; what no shell could read is an underscore."""
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())


def _is_there(directory: Path, name: str, required: bool) -> bool:
    """Raises BadProvider, in Ganeti's words."""
    where = f"File '{name}' under path '{directory}'"
    try:
        found = (directory / name).stat()
    except OSError as error:
        if not required:
            return False
        raise BadProvider(f"{where} is missing ({os.strerror(error.errno or 0)})") from error
    if not stat.S_ISREG(found.st_mode):
        raise BadProvider(f"{where} is not a regular file")
    if name != PARAMETERS and not found.st_mode & stat.S_IXUSR:
        raise BadProvider(f"{where} is not executable")
    return True
