"""
What goes wrong, as RFC 6749 and OpenID Connect name it.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest, NotAuthenticated


class Refused(BadRequest):
    """
    A request of a client that can't be granted.  code: such as "invalid_grant".
    """

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class InvalidClient(NotAuthenticated):
    """
    No such client, or it has not shown that it is the one.
    """

    code = "invalid_client"

    def __init__(self) -> None:
        super().__init__("The client is unknown or did not authenticate as it is registered.")


class InvalidToken(NotAuthenticated):
    """
    An access token that is worth nothing (any more).
    """

    code = "invalid_token"

    def __init__(self) -> None:
        super().__init__("The access token is unknown, expired or revoked.")


class NoSafeReturn(BadRequest):
    """
    A request that must not be answered by sending the browser on: where to is not known to be the
    client's.
    """


class SentBack(Exception):
    """
    The browser goes back to the client with an error.
    """

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
