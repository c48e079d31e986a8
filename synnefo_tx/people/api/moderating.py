"""
/account/v1.0/people: administrators look at those who signed up, and decide.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.people.api.context import People
from synnefo_tx.people.deciding import decide
from synnefo_tx.people.errors import BadField
from synnefo_tx.people.model import PATH, State
from synnefo_tx.people.rows import moderating, records
from synnefo_tx.people.rules import bodies
from synnefo_tx.people.views.people import person_view

USUAL_PAGE = 100
LARGEST_PAGE = 1000


def add_routes(router: Router, people: People) -> None:
    database = people.identity.database

    @router.route("GET", PATH, "account:list_people")
    async def index(call: Call) -> Reply:
        state, most = _state(call), _limit(call)
        marker = call.query("marker")
        found, more = await database.read(records.listed, state, marker, most)
        answer: dict[str, Any] = {"people": [person_view(one) for one in found]}
        if more:
            answer["next_marker"] = found[-1].user_id
        return json_reply(answer)

    @router.route("GET", f"{PATH}/<user_id>", "account:get_person")
    async def show(call: Call, user_id: str) -> Reply:
        found = await database.read(records.fetch, user_id)
        return json_reply({"person": person_view(found)})

    @router.route("POST", f"{PATH}/<user_id>/action", "account:moderate_person")
    async def act(call: Call, user_id: str) -> Reply:
        action, reason = _action(call.json())
        entry = entry_of(call, f"account:{action}_person", "user", user_id, {"reason": reason})
        how = (people.base_url, people.settings, people.doing(call))
        person = await write(people.identity, entry, decide, action, user_id, reason, *how)
        return json_reply({"person": person_view(person)})


def _state(call: Call) -> State | None:
    text = call.query("state")
    try:
        return None if text is None else State(text)
    except ValueError as error:
        raise BadField("state", f"must be one of {', '.join(State)}") from error


def _limit(call: Call) -> int:
    text = call.query("limit") or str(USUAL_PAGE)
    if not (text.isascii() and text.isdigit() and len(text) < 9) or int(text) < 1:
        raise BadField("limit", "must be a number above 0")
    return min(int(text), LARGEST_PAGE)


def _action(given: object) -> tuple[str, str]:
    """
    {"accept": {"reason": "known to us"}}, or {"accept": {}}.
    """
    told = bodies.read_object(given, *moderating.ACTIONS)
    if len(told) != 1:
        raise BadRequest(f"The body must have one of {', '.join(moderating.ACTIONS)}.")
    [(action, details)] = told.items()
    return action, bodies.read_reason(details)
