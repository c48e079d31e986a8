"""
Limits on wrong log-ins: for each address and for each account that is asked for, whether there is
one or not, so that nobody learns from them which accounts there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from ipaddress import ip_address, ip_network
from math import ceil

from attrs import define, frozen
from prometheus_client import CollectorRegistry, Counter, Histogram

from synnefo_tx.errors import TooManyRequests
from synnefo_tx.identity.rules.attempts import OF_ACCOUNT, OF_ADDRESS, Limits, delay_s

FORGET_S = 15 * 60
MOST_KNOWN = 20_000  # of each kind; about 5 MB
# The first letter of a mark: of an account, of an address; each use has its own two, since others
# are told of all in one place.
LOG_INS, LETTERS = "an", "lm"


@frozen
class Change:
    """
    What other workers don't know yet: `added` wrong attempts, in a row with those before unless
    `cleared`.  at: of the last of it, seconds.
    """

    at: float
    added: int = 0
    cleared: bool = False

    def then(self, later: Change) -> Change:
        """
        Both, as one.
        """
        if later.cleared:
            return later
        return Change(later.at, self.added + later.added, self.cleared)


@frozen
class Told:
    """
    What all workers together have counted.  at: of the last change, seconds.
    """

    mark: str
    failures: int
    at: float


@define
class _Known:
    """
    mark: whose.  failures: in a row.  open: attempts whose outcome is not known yet.  at: of the
    last failure.
    """

    mark: Hashable
    failures: int = 0
    open: int = 0
    at: float = 0.0

    def wait_s(self, now: float, limits: Limits) -> float:
        """
        How long until the next attempt, seconds.  Open ones count as wrong once one was wrong, so
        that many at once get no further than one after the other.
        """
        if not self.failures:
            return 0.0
        if self.open and self.failures + self.open >= limits.free:
            return 1.0
        wait = delay_s(self.failures, limits)
        return min(wait, max(0.0, self.at + wait - now))  # the clock may have been set back


@define
class Attempt:
    """
    One log-in under way.  Exactly one of its methods is called.
    """

    _parts: tuple[_Known, ...]
    _clock: Callable[[], float]
    _failures: Counter
    _note: Callable[[_Known, Change], None]

    def succeeded(self) -> None:
        """
        The right secret was given: what went before is forgotten, of the account alone.
        """
        for one in self._parts:
            one.open -= 1
        account = self._parts[0]
        if account.failures:
            account.failures = 0
            self._note(account, Change(self._clock(), cleared=True))

    def failed(self) -> None:
        """
        The secret, or the account, was wrong.
        """
        self._failures.inc()
        now = self._clock()
        for one in self._parts:
            one.open -= 1
            one.failures += 1
            one.at = now
            self._note(one, Change(now, added=1))

    def dropped(self) -> None:
        """
        Nothing was found out.
        """
        for one in self._parts:
            one.open -= 1


class Throttle:
    """
    `begin` an attempt, and tell it how it ended.  clock: seconds.

    registry: gets the counters synnefo_logins_failed_total, synnefo_logins_refused_total and
    synnefo_logins_locked_total, and the histogram synnefo_logins_delay_seconds.  counted: what
    is limited, when it is not log-ins.  mark: makes of a text what other workers may be told in
    its place; None: nobody is told.  kinds: LOG_INS or another.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        account: Limits = OF_ACCOUNT,
        address: Limits = OF_ADDRESS,
        registry: CollectorRegistry | None = None,
        counted: str = "logins",
        mark: Callable[[str], str] | None = None,
        kinds: str = LOG_INS,
    ) -> None:
        self.registry = registry or CollectorRegistry()
        self._mark = mark
        self._kinds = kinds
        self._changes: dict[str, Change] = {}
        self._clock = clock
        self._limits = (account, address)
        self._known: tuple[OrderedDict[Hashable, _Known], ...] = (OrderedDict(), OrderedDict())
        self._failures = Counter(
            f"synnefo_{counted}_failed", "Attempts that were wrong.", registry=self.registry
        )
        self._refusals = Counter(
            f"synnefo_{counted}_refused",
            "Attempts that came too soon after others.",
            ["limit"],
            registry=self.registry,
        )

        self._locked = Counter(
            f"synnefo_{counted}_locked", "Attempts at a locked account.", registry=self.registry
        )
        self._delays = Histogram(
            f"synnefo_{counted}_delay_seconds",
            "How long those were told to wait that came too soon.",
            buckets=(1, 2, 5, 15, 60, 300, 900),
            registry=self.registry,
        )

    def locked_out(self) -> None:
        """
        Count a log-in to an account that is locked.
        """
        self._locked.inc()

    def begin(self, account: Hashable, address: str) -> Attempt:
        """
        account: as the client names it.  Raises TooManyRequests.
        """
        now = self._clock()
        parts = tuple(
            self._of(known, self._marked(kind, key), now)
            for kind, known, key in zip(
                self._kinds, self._known, (account, _network(address)), strict=True
            )
        )
        for name, part, limits in zip(("account", "address"), parts, self._limits, strict=True):
            wait_s = part.wait_s(now, limits)
            if wait_s > 0:
                self._refusals.labels(name).inc()
                self._delays.observe(wait_s)
                raise TooManyRequests(ceil(wait_s))
        for part in parts:
            part.open += 1
        return Attempt(parts, self._clock, self._failures, self._note)

    def take_changes(self) -> dict[str, Change]:
        """
        What others are to be told, by mark; they are told once.
        """
        taken, self._changes = self._changes, {}
        return taken

    def give_back(self, changes: dict[str, Change]) -> None:
        """
        Others could not be told that.
        """
        for mark, earlier in changes.items():
            later = self._changes.get(mark)
            self._changes[mark] = earlier.then(later) if later else earlier

    def learn(self, told: Iterable[Told]) -> None:
        """
        What all have counted together counts here too, with what they were not told yet.
        """
        now = self._clock()
        for one in told:
            if one.mark[0] not in self._kinds:
                continue
            of_kind = self._known[self._kinds.index(one.mark[0])]
            if not one.failures and one.mark not in of_kind:
                continue
            known = self._of(of_kind, one.mark, now)
            ours = self._changes.get(one.mark)
            known.at = max(known.at, one.at)
            before = 0 if ours and ours.cleared else one.failures
            known.failures = before + (ours.added if ours else 0)

    def _note(self, known: _Known, change: Change) -> None:
        if self._mark is not None and len(self._changes) < MOST_KNOWN:
            mark = str(known.mark)
            before = self._changes.get(mark)
            self._changes[mark] = before.then(change) if before else change

    def _marked(self, kind: str, key: Hashable) -> Hashable:
        return key if self._mark is None else f"{kind}{self._mark(f'{kind}{key}')}"

    def _of(self, known: OrderedDict[Hashable, _Known], key: Hashable, now: float) -> _Known:
        """
        What is known of `key`; what was longest unused goes when there is too much.
        """
        found = known.pop(key, None)
        if found is None or (not found.open and now - found.at > FORGET_S):
            found = _Known(key)
        known[key] = found
        if len(known) > MOST_KNOWN:
            known.popitem(last=False)
        return found


def _network(address: str) -> str:
    """
    What one client holds: an IPv4 address, or a /64 of IPv6.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(found, "ipv4_mapped", None)
    if found.version == 4 or mapped:
        return str(mapped or found)
    return str(ip_network((found, 64), strict=False))
