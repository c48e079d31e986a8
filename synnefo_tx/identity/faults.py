"""
What can go wrong in identity, in Keystone's own words.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest, Forbidden, NotAuthenticated, NotFound

METHODS = ("password", "token", "application_credential", "totp")  # ways to log in


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
        self.identity = {"methods": list(METHODS)}  # goes into the answer, as Keystone's


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


class PasswordExpired(NotAuthenticated):
    """
    The right password, past its end: only good for setting another.
    """

    def __init__(self, user_id: str) -> None:
        super().__init__(f"The password is expired and needs to be changed for user: {user_id}.")


class NotAdmitted(NotAuthenticated):
    """
    The right secret of somebody who may not log in (yet).  reason: says why, to its owner.
    """


class PasswordTooWeak(BadRequest):
    """
    A new password that does not match what is asked of all.
    """

    def __init__(self, asked: str | None) -> None:
        super().__init__(f"The password does not match the requirements: {asked}.")


class PasswordUsedBefore(BadRequest):
    """
    A new password that is one of the user's last `count`.
    """

    def __init__(self, count: int) -> None:
        super().__init__(
            "The new password cannot be identical to a previous password. The total number which "
            f"includes the new password must be unique is {count}."
        )


class PasswordTooYoung(BadRequest):
    """
    A password that its user has set too short a time ago to set another.
    """

    def __init__(self, days: int, days_left: int) -> None:
        super().__init__(
            "You cannot change your password at this time due to the minimum password age. Once "
            f"you change your password, it must be used for {days} day(s) before it can be "
            f"changed. Please try again in {days_left} day(s) or contact your administrator to "
            "reset your password."
        )


class PasswordIsLocked(BadRequest):
    """
    A password that only an administrator may change.
    """

    def __init__(self) -> None:
        super().__init__(
            "You cannot change your password at this time due to password policy disallowing "
            "password changes. Please contact your administrator to reset your password."
        )
