"""
/account/v1.0/people/methods: the ways by which a person logs in.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import PasswordIsLocked, PasswordTooWeak
from synnefo_tx.identity.model import User
from synnefo_tx.identity.rules.compliance import check_strength, end_of_password
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.proving import refuse_delegated, shown_anew
from synnefo_tx.people.errors import BadField, ElsewhereAlone
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.external.rows.accounts import Moment
from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.people.model import PATH
from synnefo_tx.people.rows import methods
from synnefo_tx.people.rules import bodies
from synnefo_tx.people.telling import FIRST_PASSWORD, told
from synnefo_tx.people.views.people import moment

HERE = f"{PATH}/methods"
MAY_LIST, MAY = "account:list_log_ins", "account:change_log_ins"
LONGEST_NAME = 70


def add_routes(router: Router, people: People, providers: Providers) -> None:
    identity = people.identity

    @router.route("GET", HERE, MAY_LIST)
    async def index(call: Call) -> Reply:
        refuse_delegated(call)
        found = await identity.database.read(methods.methods_of, call.token.user_id)
        return json_reply({"methods": [_view(one, providers) for one in found]})

    @router.route("POST", f"{HERE}/password", MAY)
    async def set_password(call: Call) -> Reply:
        given = bodies.read_object(call.json(), "new_password", "password")
        user = await shown_anew(identity, providers, call, given)
        columns = await _password(people, providers, user, given)
        entry = entry_of(call, "account:set_first_password", "user", user.id)
        unit = told(people.base_url, FIRST_PASSWORD, methods.set_first_password)
        await write(identity, entry, unit, user.id, columns)
        return empty_reply()

    @router.route("POST", f"{HERE}/remove", MAY)
    async def remove(call: Call) -> Reply:
        given = bodies.read_object(call.json(), "method", "password")
        name = bodies.read_text(given, "method", LONGEST_NAME)
        user = await shown_anew(identity, providers, call, given)
        if name == methods.OURS and user.options.get("lock_password"):
            raise PasswordIsLocked
        entry = entry_of(call, "account:remove_log_in", "user", user.id, {"method": name})
        offered = {methods.OURS, *providers.rules}
        rules = providers.rules.get(name, AccountRules())
        now = Moment(int(identity.clock()), identity.tokens.horizon_s)
        unit = told(people.base_url, f"the log-in by {name} was removed.", methods.remove)
        await write(identity, entry, unit, user.id, name, offered, rules, now)
        return empty_reply()


async def _password(
    people: People, providers: Providers, user: User, given: Any
) -> dict[str, object]:
    """
    What becomes of the user's row.  Raises BadField, ElsewhereAlone and PasswordIsLocked.
    """
    identity = people.identity
    if providers.directory_of(user.domain_id) is not None:
        raise ElsewhereAlone
    if user.options.get("lock_password"):
        raise PasswordIsLocked
    password = bodies.read_text(given, "new_password", bodies.LONGEST_PASSWORD)
    policy, now = identity.gate.policy, int(identity.clock())
    try:
        check_strength(policy, password)
    except PasswordTooWeak as error:
        why = f"is too weak: {policy.password_regex_description}"
        raise BadField("new_password", why) from error
    return {
        "password_hash": await identity.passwords.hash(password),
        "password_created_at": now,
        "password_expires_at": end_of_password(policy, user.options, now, own=True),
        "password_own": True,
    }


def _view(method: methods.Method, providers: Providers) -> dict[str, Any]:
    if method.name == methods.OURS:
        return {"method": method.name, "offered": True}
    return {
        "method": method.name,
        "offered": method.name in providers.rules,
        "identifier": method.identifier,
        "last_used_at": moment(method.seen_at),
    }
