"""
Operating systems that this node's administrator installed, and whether they are whole.

Source: Ganeti 3.0 ganeti-os-interface(7), API version 20, and its words of diagnosis.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from ganetid.scripts.names import directory_of, names_in

SEARCH_PATH = (Path("/srv/ganeti/os"), Path("/usr/share/ganeti/os"))
API_VERSION = 20
SCRIPTS = ("create", "import", "export", "rename", "verify")
VERSIONS, VARIANTS, PARAMETERS = "ganeti_api_version", "variants.list", "parameters.list"


class BadOs(Exception):
    """There is no such operating system, or it lacks something; in Ganeti's words."""


@frozen
class OsDefinition:
    """
    An operating system.

    problem: what it lacks, None for a valid one.  parameters: (name, description).
    directory: of its scripts, None for one that is built in.
    """

    name: str
    directory: str | None
    problem: str | None = None
    api_versions: tuple[int, ...] = ()
    variants: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether instances can have it."""
        return self.problem is None

    @property
    def types(self) -> tuple[str, ...]:
        """What instances may ask for: the name, with each variant where it has any."""
        return tuple(f"{self.name}+{each}" for each in self.variants) or (self.name,)


def name_of(os_type: str) -> str:
    """The name in ``name+variant``."""
    return os_type.partition("+")[0]


def variant_of(os_type: str) -> str:
    """The variant in ``name+variant``, empty when there is none."""
    return os_type.partition("+")[2]


def check_variant(definition: OsDefinition, os_type: str) -> None:
    """Raise BadOs unless the variant in `os_type` is one that it has."""
    variant = variant_of(os_type)
    if not definition.variants:
        if variant:
            raise BadOs(f"OS '{definition.name}' does not support variants ('{variant}' passed)")
        return
    if not variant:
        raise BadOs(f"OS name '{os_type}' must include a variant")
    if variant not in definition.variants:
        raise BadOs(f"OS '{definition.name}' does not support variant '{variant}'")


def check_parameters(definition: OsDefinition, names: Iterable[str]) -> None:
    """Raise BadOs when a parameter is none of its own."""
    unknown = sorted(set(names) - {name for name, _ in definition.parameters})
    if unknown:
        raise BadOs(
            "The following parameters are not supported by the OS"
            f" {definition.name}: {', '.join(unknown)}"
        )


def diagnosed(search_path: Iterable[Path]) -> tuple[OsDefinition, ...]:
    """Every operating system in the search path, whole or not.  Blocks: call it in a thread."""
    places = tuple(search_path)
    found: list[OsDefinition] = []
    for name in names_in(places):
        directory = directory_of(name, places)
        if directory is None:
            continue
        try:
            found.append(_read(name, directory))
        except BadOs as error:
            found.append(OsDefinition(name, str(directory), str(error)))
    return tuple(found)


def os_named(name: str, search_path: Iterable[Path]) -> OsDefinition:
    """The operating system.  Raises BadOs.  Blocks: call it in a thread."""
    directory = directory_of(name, search_path)
    if directory is None:
        raise BadOs(f"Directory for OS {name} not found in search path")
    return _read(name, directory)


def _read(name: str, directory: Path) -> OsDefinition:
    versions = _versions(directory)
    if API_VERSION not in versions:
        raise BadOs(
            f"API version mismatch for path '{directory}': found {list(versions)},"
            f" want [{API_VERSION}]."
        )
    for script in SCRIPTS:
        _must_be_script(directory, script)
    variants = [line.strip() for line in _lines(directory, VARIANTS, required=False)]
    words = [line.split(None, 1) for line in _lines(directory, PARAMETERS) if line.strip()]
    return OsDefinition(
        name=name,
        directory=str(directory),
        api_versions=versions,
        variants=tuple(each for each in variants if each and not each.startswith("#")),
        parameters=tuple((each[0], each[1].strip() if len(each) > 1 else "") for each in words),
    )


def _versions(directory: Path) -> tuple[int, ...]:
    if not (directory / VERSIONS).is_file():
        raise BadOs(f"Required file '{VERSIONS}' not found under path {directory}")
    try:
        return tuple(int(line) for line in _lines(directory, VERSIONS))
    except ValueError as error:
        raise BadOs(f"API version(s) can't be converted to integer: {error}") from error


def _lines(directory: Path, name: str, required: bool = True) -> list[str]:
    try:
        return (directory / name).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError as error:
        if not required:
            return []
        raise _missing(directory, name, error) from error
    except OSError as error:
        raise BadOs(f"Error while reading '{name}' at {directory}: {error.strerror}") from error


def _must_be_script(directory: Path, name: str) -> None:
    where = f"File '{name}' under path '{directory}'"
    try:
        mode = (directory / name).stat().st_mode
    except OSError as error:
        raise _missing(directory, name, error) from error
    if not stat.S_ISREG(mode):
        raise BadOs(f"{where} is not a regular file")
    if not mode & stat.S_IXUSR:
        raise BadOs(f"{where} is not executable")


def _missing(directory: Path, name: str, error: OSError) -> BadOs:
    reason = os.strerror(error.errno or 0)
    return BadOs(f"File '{name}' under path '{directory}' is missing ({reason})")
