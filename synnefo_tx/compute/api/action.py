"""
What an action of servers is made of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import field, frozen

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.service import MAXIMUM, MINIMUM
from synnefo_tx.compute.ask import Ask
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.http.call import Call
from synnefo_tx.http.microversions import Version
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.http.service import Service

P = ParamSpec("P")
T = TypeVar("T")


def ask_of(service: Service, call: Call, server_id: str = "") -> Ask:
    """
    What a call asks of a server, or of servers to come.
    """
    return Ask(call.caller, server_id, call.request_id, service.now_us())


@frozen
class Asked:
    """
    One action that a call asks of a server.  value: what its body has under the action's name, by
    its schema.
    """

    service: Service
    call: Call
    server_id: str
    policy: str
    value: Any

    def ask(self) -> Ask:
        """
        As units of work take it.
        """
        return ask_of(self.service, self.call, self.server_id)

    async def wish(
        self,
        unit: Callable[Concatenate[Any, Ask, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """
        The unit's value once it, its line in the audit log and its wishes are committed.
        """
        told = Told(self.policy, "server", self.server_id)
        return await self.service.wish(self.call, told, unit, self.ask(), *args, **kwargs)


@frozen(kw_only=True)
class ActionOf:
    """
    policy: who may ask it of a server.  since, until: the microversions that have it.
    """

    policy: str
    schema: Callable[[Version], NovaSchema]
    answer: Callable[[Asked], Awaitable[Reply]]
    since: Version = MINIMUM
    until: Version = MAXIMUM
    example: Mapping[str, Any] | None = field(default=None)

    def is_of(self, version: Version) -> bool:
        """
        Whether the microversion has it.
        """
        return self.since <= version <= self.until


def bare(name: str) -> Callable[[Version], NovaSchema]:
    """
    The schema of an action whose value nobody reads.
    """
    schema = NovaSchema(
        {
            "type": "object",
            "properties": {name: {}},
            "required": [name],
            "additionalProperties": False,
        }
    )
    return lambda _version: schema


def always(schema: NovaSchema) -> Callable[[Version], NovaSchema]:
    """
    One schema for all microversions.
    """
    return lambda _version: schema


def simple(name: str, policy: str, unit: Callable[[Any, Ask], Any]) -> ActionOf:
    """
    An action without arguments: `unit` is done, and the answer is 202 with nothing in it.
    """

    async def answer(asked: Asked) -> Reply:
        await asked.wish(unit)
        return empty_reply(202)

    return ActionOf(policy=policy, schema=bare(name), answer=answer)
