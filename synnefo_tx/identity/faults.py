"""
What can go wrong in identity, in Keystone's own words.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest, Forbidden, NotAuthenticated, NotFound


class Expected(BadRequest):
    """
    Something that the request must have and has not.
    """

    def __init__(self, attribute: str, target: str) -> None:
        super().__init__(
            f"Expecting to find {attribute} in {target}. The server could not comply with the "
            "request since it is either malformed or otherwise incorrect. The client is assumed "
            "to be in error."
        )


class MethodNotSupported(NotAuthenticated):
    """
    A way to log in that is not offered here.
    """

    def __init__(self) -> None:
        super().__init__("Attempted to authenticate with an unsupported method.")
        self.identity = {"methods": ["password", "token"]}  # goes into the answer, as Keystone's


class TokenGarbled(NotAuthenticated):
    """
    A token that none of our keys has sealed.
    """


class TokenExpired(NotAuthenticated):
    """
    A token past its time.
    """


class TokenRevoked(NotAuthenticated):
    """
    A token that was taken back, or whose user, project or role was.
    """


class SubjectNotFound(NotFound):
    """
    The token asked about is worth nothing.
    """


class AccountNotFound(NotFound):
    """
    No such user, project, domain, role, region, service or endpoint.
    """

    def __init__(self, thing: str, thing_id: str) -> None:
        super().__init__(f"Could not find {thing}: {thing_id}.")


class ActionForbidden(Forbidden):
    """
    The caller may not do this to that.  action: a permission, "identity:get_user".
    """

    def __init__(self, action: str) -> None:
        super().__init__(f"You are not authorized to perform the requested action: {action}.")
