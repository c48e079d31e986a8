"""
A program that chooses nodes, such as Ganeti's hail: found by its name, asked by a file.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from ganetid.node.programs import ProgramFailed, run
from ganetid.scripts.names import is_plain

SEARCH_PATH = (Path("/usr/lib/ganeti/iallocators"), Path("/usr/local/lib/ganeti/iallocators"))
TIMEOUT_S = 60.0


class NoDecision(Exception):
    """The program found no answer, or is none; carries why."""


def program_named(name: str, search_path: Iterable[Path] = SEARCH_PATH) -> Path | None:
    """The program, None when there is none.  Blocks for a moment."""
    if not is_plain(name):
        return None
    places = (place / name for place in search_path)
    return next((place for place in places if os.access(place, os.X_OK)), None)


async def decide(program: Path, question: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """
    The result that the program gives.

    question: see `ganetid.placement.request`.  options: of its command line.  Raises NoDecision.
    """
    path = await deferToThread(_written, json.dumps(question))
    words = [f"--{name}" if value is None else f"--{name}={value}"
             for name, value in options.items()]  # fmt: skip
    try:
        said = await run(reactor, [str(program), path, *words], timeout_s=TIMEOUT_S)
    except ProgramFailed as error:
        raise NoDecision(f"iallocator module '{program.name}' failed: {error}") from error
    finally:
        await deferToThread(os.unlink, path)
    try:
        answer = json.loads(said.output)
        if answer["success"]:
            return answer["result"]
        raise NoDecision(str(answer["info"]))
    except (ValueError, TypeError, KeyError) as error:
        raise NoDecision(f"Can't parse iallocator results: {error}") from error


def _written(text: str) -> str:
    handle, path = tempfile.mkstemp(prefix="ganetid-iallocator.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path
