"""
QEMU's machine protocol, sans I/O: bytes in, values out.

Source: QEMU's docs/interop/qmp-spec; one JSON object a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

MAX_LINE = 4 * 1024 * 1024


class QmpBroken(Exception):
    """What came is not QMP; the connection is of no use any more."""


@frozen
class Greeting:
    """QEMU has accepted the connection; `version` is such as 7.2.22."""

    version: str


@frozen
class Reply:
    """A command was done."""

    id: int | None
    value: Any


@frozen
class Refusal:
    """A command was refused: QEMU's error class and text."""

    id: int | None
    kind: str
    text: str


@frozen
class Event:
    """Something happened in QEMU or in the guest."""

    name: str
    data: Mapping[str, Any] = field(factory=dict)


Received = Greeting | Reply | Refusal | Event


class QmpDecoder:
    """Cuts a stream into messages.  A line over `MAX_LINE` bytes is refused before it is kept."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Received]:
        """The messages that are complete with `data`.  Raises QmpBroken."""
        self._pending += data
        while (end := self._pending.find(b"\n")) >= 0:
            line = bytes(self._pending[:end])
            del self._pending[: end + 1]
            if line.strip():
                yield decode(line)
        if len(self._pending) > MAX_LINE:
            raise QmpBroken(f"a line of over {MAX_LINE} bytes")


def decode(line: bytes) -> Received:
    """The message in one line.  Raises QmpBroken."""
    try:
        message = json.loads(line)
    except ValueError as error:
        raise QmpBroken(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise QmpBroken("not an object")
    try:
        return _decoded(message)
    except (KeyError, TypeError, AttributeError) as error:
        raise QmpBroken(f"not a message: {error!r}") from error


def _decoded(message: dict[str, Any]) -> Received:
    if "QMP" in message:
        number = message["QMP"]["version"]["qemu"]
        return Greeting(f"{number['major']}.{number['minor']}.{number['micro']}")
    if "event" in message:
        return Event(str(message["event"]), dict(message.get("data") or {}))
    command = message.get("id")
    if command is not None and not isinstance(command, int):
        raise TypeError("id")
    if "error" in message:
        error = message["error"]
        return Refusal(command, str(error["class"]), str(error["desc"]))
    return Reply(command, message["return"])


def encode_command(number: int, command: str, arguments: Mapping[str, Any]) -> bytes:
    """The command as a line; its answer will carry `number`."""
    message: dict[str, Any] = {"execute": command, "id": number}
    if arguments:
        message["arguments"] = dict(arguments)
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\r\n"
