"""
What every resource of the provider is given.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.audit.gathered import GatheredLines
from synnefo_tx.http.call import Call
from synnefo_tx.identity.api.context import Context as Identity
from synnefo_tx.openid.signing import Signer

OPEN_TO_SCRIPTS = (("Access-Control-Allow-Origin", "*"),)  # of browsers; no cookie counts there
UNCACHED = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


@frozen(eq=False)
class Context:
    """
    identity: of the same process, so that log-ins here count for its limits.  lines: of the audit
    log, for what changes nothing else.
    """

    identity: Identity
    signer: Signer
    lines: GatheredLines

    def now(self) -> int:
        """
        Seconds since the epoch.
        """
        return int(self.identity.clock())

    def now_us(self) -> int:
        """
        Microseconds since the epoch.
        """
        return int(self.identity.clock() * 1e6)


def issuer_of(call: Call) -> str:
    """
    Who we are, as clients know it.
    """
    return call.base
