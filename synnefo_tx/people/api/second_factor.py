"""
/account/v1.0/people/second-factor: a person's own second factor and recovery codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import address_of
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.rules.login import Wanted
from synnefo_tx.identity.rules.recovery import COUNT, digest_of, new_code
from synnefo_tx.identity.rules.totp import step_of
from synnefo_tx.people.api.context import People
from synnefo_tx.people.api.proving import LONGEST_CODE, code_shown, refuse_delegated, shown_anew
from synnefo_tx.people.enrolling import EnrolmentBox
from synnefo_tx.people.errors import FactorEnrolled, NotShownAnew
from synnefo_tx.people.external.providers import Providers
from synnefo_tx.people.model import PATH
from synnefo_tx.people.rows import factors
from synnefo_tx.people.rules import bodies
from synnefo_tx.people.rules import factors as rules
from synnefo_tx.people.telling import ENDED, ENROLLED, RENEWED, told

HERE = f"{PATH}/second-factor"
MAY, MAY_END = "account:change_second_factor", "account:end_second_factor"
LONGEST_TICKET = 2000
_UNKEPT = ("Cache-Control", "no-store")


def add_routes(router: Router, people: People, providers: Providers) -> None:
    identity = people.identity
    box = EnrolmentBox(identity.secrets, identity.clock)

    @router.route("GET", HERE, MAY)
    async def show(call: Call) -> Reply:
        found = await identity.database.read(factors.standing, call.token.user_id)
        view = {
            "enrolled": found.enrolled,
            "asked_for": found.asked_for,
            "recovery_codes_left": found.codes_left,
        }
        return json_reply({"second_factor": view})

    @router.route("POST", HERE, MAY)
    async def begin(call: Call) -> Reply:
        refuse_delegated(call)
        token = call.token
        found = await identity.database.read(factors.standing, token.user_id)
        if found.enrolled:
            raise FactorEnrolled
        secret = rules.new_secret()
        cloud = urlsplit(people.base_url).hostname or "cloud"
        view = {
            "secret": secret,
            "uri": rules.address_of(secret, token.user_name, cloud),
            "ticket": box.seal(token.user_id, secret),
        }
        return json_reply({"second_factor": view}, 201, _UNKEPT)

    @router.route("POST", f"{HERE}/confirm", MAY)
    async def confirm(call: Call) -> Reply:
        given = bodies.read_object(call.json(), "ticket", "code", "password")
        user = await shown_anew(identity, providers, call, given)
        secret = box.open(bodies.read_text(given, "ticket", LONGEST_TICKET), user.id)
        step = await _step(people, call, secret, given)
        codes, digests = _new_codes()
        entry = entry_of(call, "account:enrol_second_factor", "user", user.id)
        made = factors.Enrolment(identity.secrets.seal(secret), step, digests)
        unit = told(people.base_url, ENROLLED, factors.enrol)
        await write(identity, entry, unit, user.id, made)
        return json_reply({"recovery_codes": codes}, 200, _UNKEPT)

    @router.route("POST", f"{HERE}/end", MAY)
    async def end(call: Call) -> Reply:
        user_id = await _both_shown(people, providers, call)
        entry = entry_of(call, MAY_END, "user", user_id)
        unit = told(people.base_url, ENDED, factors.disenrol)
        await write(identity, entry, unit, user_id, by_person=True)
        return empty_reply()

    @router.route("POST", f"{HERE}/recovery-codes", MAY)
    async def renew(call: Call) -> Reply:
        user_id = await _both_shown(people, providers, call)
        codes, digests = _new_codes()
        entry = entry_of(call, "account:renew_recovery_codes", "user", user_id)
        unit = told(people.base_url, RENEWED, factors.renew_codes)
        await write(identity, entry, unit, user_id, digests)
        return json_reply({"recovery_codes": codes}, 200, _UNKEPT)

    @router.route("DELETE", f"{PATH}/<user_id>/second-factor", MAY_END)
    async def end_of_another(call: Call, user_id: str) -> Reply:
        entry = entry_of(call, MAY_END, "user", user_id)
        unit = told(people.base_url, ENDED, factors.disenrol)
        await write(identity, entry, unit, user_id, by_person=False)
        return empty_reply()


async def _both_shown(people: People, providers: Providers, call: Call) -> str:
    """
    Id of the caller, after password and code.
    """
    given = bodies.read_object(call.json(), "code", "password")
    user = await shown_anew(people.identity, providers, call, given)
    await code_shown(people.identity, call, given)
    return user.id


async def _step(people: People, call: Call, secret: str, given: Mapping[str, Any]) -> int:
    """
    The step whose code was shown.  Raises NotShownAnew, BadField and TooManyRequests.
    """
    identity = people.identity
    code = bodies.read_text(given, "code", LONGEST_CODE)
    found = step_of(secret, code, identity.clock())

    async def check() -> bool:
        return found is not None

    account = ("totp", Wanted(call.token.user_id, None, None))
    await identity.gate.counted(account, address_of(call), check)
    if found is None:
        raise NotShownAnew("The code is wrong.")
    return found


def _new_codes() -> tuple[list[str], tuple[str, ...]]:
    codes = [new_code() for _ in range(COUNT)]
    return codes, tuple(digest for one in codes if (digest := digest_of(one)))
