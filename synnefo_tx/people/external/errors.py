"""
Why a log-in by another provider fails.  What is told is plain and the same for all that might help
an attacker; the rest is in `reason`, for the log.
"""

from __future__ import annotations

from synnefo_tx.errors import Conflict, Forbidden, NotAuthenticated, NotFound, Unavailable


class NoSuchProvider(NotFound):
    """
    No provider has this name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no log-in by {name[:64]!r}.")


class NotBelieved(NotAuthenticated):
    """
    What came from the provider is not proof of anything.  reason: without any secret.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("The log-in by this provider did not succeed. Begin again.")
        self.reason = reason


class ProviderAway(Unavailable):
    """
    The provider does not answer, or not with what it should.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("The provider of this log-in does not answer. Try again later.")
        self.reason = reason


class NoAccount(Forbidden):
    """
    The person is known there and has no account here.
    """

    def __init__(self) -> None:
        super().__init__(
            "No account here belongs to this log-in. Log in another way, and add this one to your "
            "account."
        )


class NameInUse(Conflict):
    """
    Another account has the person's name.
    """

    def __init__(self) -> None:
        super().__init__(
            "Another account has the same name. If it is yours, log in to it, and add this log-in."
        )


class BelongsToOther(Conflict):
    """
    The log-in is another account's already.
    """

    def __init__(self) -> None:
        super().__init__("This log-in belongs to another account.")
