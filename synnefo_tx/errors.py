"""
What can go wrong for a caller, by kind.  Services subclass these; `http/dialects.py` alone knows
which status and body each kind gets in which API.

`str(error)` is shown to the caller: it names the field or the thing, and nothing of our insides.
"""

from __future__ import annotations


class DomainError(Exception):
    """
    A request that can't be carried out, for a reason the caller may know.
    """


class BadRequest(DomainError):
    """
    The request breaks the grammar or the rules of the API.
    """


class NotAuthenticated(DomainError):
    """
    No token, or one that is wrong, expired or revoked.
    """

    def __init__(self, message: str = "The request you have made requires authentication."):
        super().__init__(message)


class Forbidden(DomainError):
    """
    The caller is known and may not do this.
    """


class NotFound(DomainError):
    """
    No such thing, or none that this caller may see.
    """


class Conflict(DomainError):
    """
    The thing exists already, or its state doesn't allow this now.
    """


class PreconditionFailed(DomainError):
    """
    The thing is not as the caller said it must be.
    """


class OverQuota(DomainError):
    """
    The project's limit is reached.
    """


class TooLarge(DomainError):
    """
    The body is longer than this call takes.
    """


class Gone(DomainError):
    """
    The thing was there when the call began, and is not any more.
    """


class RangeUnsatisfiable(DomainError):
    """
    The range asked for has no byte of the thing.
    """


class UnsupportedMedia(DomainError):
    """
    The body is of a type that this call does not take.
    """


class Unacceptable(DomainError):
    """
    No such microversion.
    """


class Unavailable(DomainError):
    """
    A service below is away; the same request may succeed later.
    """


class TooManyRequests(DomainError):
    """
    The client asks too often.  retry_after_s: when to ask again, seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many failed log-ins. Try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s
