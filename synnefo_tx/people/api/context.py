"""
What every resource of people is given.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen
from prometheus_client import CollectorRegistry

from synnefo_tx.errors import TooManyRequests
from synnefo_tx.http.call import Call
from synnefo_tx.identity.api.context import Context, address_of
from synnefo_tx.identity.rules.attempts import Limits
from synnefo_tx.identity.throttle import LETTERS, Attempt, Throttle
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.errors import AskedTooOften
from synnefo_tx.people.settings import SignUp

OF_MAILBOX = Limits(free=3, longest_s=600)
OF_ADDRESS = Limits(free=50, longest_s=120)  # a class may sign up together


@frozen(eq=False)
class People:
    """
    base_url: of the whole cloud as links in mail name it, without a trailing slash; never from a
    Host header, which whoever asks makes up.  registry: gets what is counted of letters and links,
    named as that of log-ins.  mark: as a Throttle's, when there are other workers.
    """

    identity: Context
    settings: SignUp
    base_url: str
    registry: CollectorRegistry | None = None
    mark: Callable[[str], str] | None = None
    throttle: Throttle = field(init=False)

    @throttle.default
    def _throttle(self) -> Throttle:
        clock = self.identity.clock
        limits, letters = (OF_MAILBOX, OF_ADDRESS), "letters"
        return Throttle(clock, *limits, self.registry, letters, self.mark, LETTERS)

    def doing(self, call: Call) -> Doing:
        """
        What the call does, is done so.
        """
        identity = self.identity
        by = call.bearer.user_id if call.bearer else ""
        return Doing(identity.clock(), identity.tokens.horizon_s, identity.follower, by)

    def asked(self, call: Call, mailbox: str) -> None:
        """
        A letter to the mailbox was asked for: each counts, whatever comes of it.  Raises
        AskedTooOften.
        """
        self.begin(call, mailbox).failed()

    def begin(self, call: Call, account: str) -> Attempt:
        """
        An attempt, whose outcome is told to it.  Raises AskedTooOften.
        """
        try:
            return self.throttle.begin(account, address_of(call))
        except TooManyRequests as error:
            raise AskedTooOften(error.retry_after_s) from error
