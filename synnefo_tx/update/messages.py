"""
Messages of the update path: bytes to values.  What can't be read is a value too.

Formats as Synnefo's eventd publishes them: ganeti-op-status, ganeti-network-status, ...
"""

from __future__ import annotations

from typing import Any

import msgspec

FINAL = frozenset({"success", "error", "canceled"})


class News(msgspec.Struct, frozen=True, kw_only=True):
    """
    What all messages carry.  event_time is [seconds, microseconds].

    effect: the wish that the job is, and job_status: of all its opcodes together; of clusters that
    tell them.
    """

    type: str
    event_time: tuple[int, int]
    operation: str = ""
    status: str = ""
    cluster: str = ""
    logmsg: str | None = None
    result: Any = None
    job_id: int = msgspec.field(name="jobId", default=0)
    job_status: str = ""
    effect: str | None = None
    instance: str = ""
    pnode: str | None = None  # the instance's node
    network: str = ""
    security_group: str = ""
    router: str = ""
    tags: list[str] | None = None
    job_fields: dict[str, Any] | None = None
    instance_nics: list[dict[str, Any]] | None = None
    instance_disks: list[dict[str, Any]] | None = None
    instance_hvparams: dict[str, Any] | None = None
    progress: float | None = None

    @property
    def at_us(self) -> int:
        """
        The event's time in microseconds since the epoch.
        """
        return self.event_time[0] * 1_000_000 + self.event_time[1]


class Unreadable(msgspec.Struct, frozen=True):
    """
    A message that breaks the format, and how.
    """

    reason: str


_decoder = msgspec.json.Decoder(News)


def read(body: bytes) -> News | Unreadable:
    """
    The message in `body`.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Unreadable(str(error))


def why_failed(news: News) -> str:
    """
    The user's words for a job that was not done.
    """
    return error_text(news.result) if news.status == "error" else "The job was cancelled."


def error_text(result: Any) -> str:
    """
    The user's words for a failed job's result, `[class, [message, code?]]` in Ganeti.
    """
    match result:
        case [str(_), [str(message), *_]]:
            return message
        case str(message):
            return message
    return "The cluster could not do it."


def error_code(result: Any) -> str | None:
    """
    Ganeti's code of a failed prerequisite, such as "unknown_entity".
    """
    match result:
        case [str(_), [str(_), str(code), *_]]:
            return code
    return None
