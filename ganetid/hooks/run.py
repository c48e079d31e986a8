"""
The hooks of one path and phase, run on this node one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThread

from ganetid.scripts.names import is_plain
from ganetid.scripts.running import PATH, Script, ScriptFailed, run_script

PRE, POST = "pre", "post"
SUCCESS, FAIL, SKIP = 0, 1, 2  # Ganeti's HKR_*
TIMEOUT_S = 300.0
MAX_OUTPUT = 64 * 1024


@frozen
class HookResult:
    """
    How one hook went.

    script: ``<path>-<phase>.d/<name>``.  outcome: SUCCESS, FAIL, or SKIP for a file that is no
    hook.  output: what it said, both outputs together.
    """

    script: str
    outcome: int
    output: str = ""


LocalHooks = Callable[[str, str, Mapping[str, str]], Awaitable[tuple[HookResult, ...]]]


async def run_hooks(
    reactor: Any,
    directory: Path,
    path: str,
    phase: str,
    environment: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
) -> tuple[HookResult, ...]:
    """
    Run ``<directory>/<path>-<phase>.d/*``, sorted, each to its end; none stops the others.

    environment: all of it but PATH.  A hook that takes longer than `timeout_s` failed.
    No directory, or one that can't be read, means no hooks.
    """
    if phase not in {PRE, POST} or not is_plain(path):
        raise ValueError(f"no hooks are of path {path!r} and phase {phase!r}")
    relative = f"{path}-{phase}.d"
    complete = {"PATH": PATH, **environment}
    results: list[HookResult] = []
    for program, is_hook in await deferToThread(_files_in, directory / relative):
        script = f"{relative}/{program.name}"
        if not is_hook:
            results.append(HookResult(script, SKIP))
            continue
        work = Script(program, complete, Path("/"), timeout_s)
        results.append(await _run(reactor, script, work))
    return tuple(results)


async def _run(reactor: Any, name: str, script: Script) -> HookResult:
    said = bytearray()

    def take(number: int, data: bytes) -> None:
        said.extend(data[: MAX_OUTPUT - len(said)])

    outcome, reason = SUCCESS, ""
    try:
        await run_script(reactor, script, take)
    except ScriptFailed as error:
        outcome, reason = FAIL, error.reason
    output = said.decode("utf-8", "replace").strip()
    return HookResult(name, outcome, output or reason)


def _files_in(directory: Path) -> list[tuple[Path, bool]]:
    """(file, whether it is a hook) of each that is not hidden, by name."""
    try:
        paths = sorted(directory.iterdir())
    except OSError:
        return []
    return [(each, _is_hook(each)) for each in paths if not each.name.startswith(".")]


def _is_hook(path: Path) -> bool:
    return is_plain(path.name) and path.is_file() and os.access(path, os.X_OK)


def local_hooks(reactor: Any, directory: Path) -> LocalHooks:
    """Runs this node's hooks of (path, phase, environment)."""
    return lambda path, phase, environment: run_hooks(reactor, directory, path, phase, environment)
