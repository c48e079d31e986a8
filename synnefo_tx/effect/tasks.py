"""
Tasks: what is asked of the cloud in one or several wishes, each sent when the one before it has
succeeded, and what follows in the rows when all have, or one has not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from sqlalchemy import Connection

from synnefo_tx.effect.wishes import Wish
from synnefo_tx.update.messages import News


@frozen
class Step:
    """
    One wish, and the one that takes it back when a later step fails (in reverse order; whether
    those succeed changes nothing).

    despite: Ganeti's codes of failures that mean that it is so already, such as already_exists.
    """

    wish: Wish
    undo: Wish | None = None
    despite: tuple[str, ...] = ()


@frozen(kw_only=True)
class Asked:
    """
    A task to begin.

    kind: key in effect/kinds.KINDS, such as "server.resize".  target: id of the server, volume or
    network that it is about.  context: what its ends need to know (JSON).
    """

    kind: str
    target: str
    steps: tuple[Step, ...]
    context: dict[str, Any] = field(factory=dict)
    request_id: str | None = None
    user_id: str | None = None


@frozen(kw_only=True)
class Ended:
    """
    A task that has come to its end.

    task: its row.  news: of the job that ended it, None when it was refused.
    message: why it failed, in words for the user; empty when it succeeded.  now_us: microseconds.
    """

    task: Any
    now_us: int
    message: str = ""
    news: News | None = None


OnEnd = Callable[[Connection, Ended], None]


@frozen(kw_only=True)
class Kind:
    """
    What follows in the rows; each runs in the transaction that ended (or sent) the task.

    on_success: every step's job has succeeded.  on_failure: one failed, was cancelled or refused,
    and what can be taken back was.  on_sent: the cluster has taken a step.
    """

    on_success: OnEnd
    on_failure: OnEnd
    on_sent: OnEnd | None = None
