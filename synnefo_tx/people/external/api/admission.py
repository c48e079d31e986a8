"""
From a person whom a provider vouches for to a token of ours.
"""

from __future__ import annotations

from attrs import evolve, frozen
from sqlalchemy import Connection

from synnefo_tx.audit.gathered import GatheredLines
from synnefo_tx.errors import DomainError, NotAuthenticated
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, json_reply
from synnefo_tx.identity.api.admitting import known_of
from synnefo_tx.identity.api.context import Context
from synnefo_tx.identity.api.issuing import catalog_for, fresh_token
from synnefo_tx.identity.api.login_log import LOG_IN
from synnefo_tx.identity.api.tokens import RECEIPT, SUBJECT
from synnefo_tx.identity.api.writing import entry_of
from synnefo_tx.identity.faults import NotAdmitted
from synnefo_tx.identity.receipts import ReceiptBox
from synnefo_tx.identity.rows import attempts
from synnefo_tx.identity.rules.compliance import is_inactive
from synnefo_tx.identity.rules.login import Known, Login, MoreMethodsNeeded, Special, Wanted, decide
from synnefo_tx.identity.views.receipt import receipt_view
from synnefo_tx.identity.views.token import token_view
from synnefo_tx.people.external.person import Person
from synnefo_tx.people.external.rows.accounts import Settled
from synnefo_tx.people.external.settings import AccountRules
from synnefo_tx.people.external.settle import Settle
from synnefo_tx.people.telling import tell
from synnefo_tx.people.tickets import HEADER, TicketBox


def settle_in(context: Context, base_url: str = "") -> Settle:
    """
    What brings accounts up to date.  base_url: of the cloud, for letters.
    """

    def added(connection: Connection, user_id: str, provider: str) -> None:
        tell(connection, base_url, user_id, f"a log-in by {provider} was added.")

    look_again, horizon_s = context.authenticator.look_again, context.tokens.horizon_s
    return Settle(context.database, context.clock, horizon_s, look_again, context.follower, added)


def _method(provider: str) -> str:
    """
    What a log-in by the provider counts as, where users have to show more than one thing.
    """
    return "password" if provider.startswith("ldap:") else "openid"


@frozen(eq=False)
class Admission:
    """
    Accounts are settled, and tokens given, each with its line in the audit log.
    """

    _context: Context
    _settle: Settle
    _lines: GatheredLines

    @classmethod
    def of(cls, context: Context, base_url: str) -> Admission:
        return cls(context, settle_in(context, base_url), GatheredLines(context.database))

    async def settled(
        self, call: Call, person: Person, rules: AccountRules, adding_to: str = ""
    ) -> Settled:
        """
        The person's account as the provider tells.  Raises what `settle` does.
        """
        line = entry_of(call, "", "user", "")
        return await self._settle(person, rules, adding_to, line)

    async def token(self, call: Call, person: Person, user_id: str) -> Reply:
        """
        A token for the user's default project, or for none; a receipt, if the user has to show
        more.  Raises NotAuthenticated, and NotAdmitted with a ticket for signing in a header.
        """
        try:
            reply = await self._issued(call, user_id, _method(person.provider))
        except DomainError as error:
            if isinstance(error, NotAdmitted):  # it may be for want of a signature alone
                ticket = TicketBox(self._context.secrets, self._context.clock).seal(user_id)
                call.extra_headers.append((HEADER, ticket))
            await self.refused(call, person.provider, user_id, type(error).__name__)
            raise
        reason = "" if reply.status == 201 else "Incomplete"
        await self._log(call, person.provider, user_id, reason)
        return reply

    async def refused(self, call: Call, provider: str, user_id: str, reason: str) -> None:
        """
        A log-in that failed goes to the audit log.  user_id: "" when nobody is known.
        """
        await self._log(call, provider, user_id, reason)

    async def _issued(self, call: Call, user_id: str, method: str) -> Reply:
        context = self._context
        login = Login((method,), Wanted(user_id, None, None), None, None, Special.DEFAULT)
        known = await known_of(context, login)
        await self._active(known)
        try:
            grant = decide(login, known, (method,), (), context.clock())
        except MoreMethodsNeeded as more:
            receipts = ReceiptBox(context.secrets, context.clock)
            receipt, text = receipts.issue(more.user.id, more.methods)
            return json_reply(receipt_view(receipt, more), 401, (RECEIPT, text))
        token = fresh_token(context, login.methods, grant)
        answer = token_view(token, grant, await catalog_for(context, call, token))
        return json_reply(answer, 201, (SUBJECT, context.tokens.seal(token)))

    async def _active(self, known: Known) -> None:
        """
        Raises NotAuthenticated for a user who was away for too long, or is held back.
        """
        context, user, now = self._context, known.user, int(self._context.clock())
        policy = context.gate.policy
        if user is None or not (user.enabled or known.refused) or is_inactive(policy, user, now):
            raise NotAuthenticated
        if known.refused:
            return  # told by `decide`
        if policy.disable_user_account_days_inactive is not None:
            await context.database.write(attempts.succeeded, user.id, policy, now)

    async def _log(self, call: Call, provider: str, user_id: str, reason: str) -> None:
        method = _method(provider)
        details: dict[str, object] = {"methods": [method], "provider": provider}
        if reason:
            details["reason"] = reason
        entry = entry_of(call, LOG_IN, "user", user_id, details)
        entry = evolve(entry, outcome="failure") if reason else evolve(entry, user_id=user_id)
        await self._lines.append(entry, int(self._context.clock() * 1e6))
