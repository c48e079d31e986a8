"""
What can go wrong for people who sign up.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest, Conflict, Forbidden, NotFound, TooManyRequests


class BadField(BadRequest):
    """
    A field of a body that is not as it must be.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}.")
        self.data = {"field": field}  # goes into the answer


class SignUpClosed(Forbidden):
    """
    Nobody signs up here.
    """

    def __init__(self) -> None:
        super().__init__("This cloud takes no registrations.")


class AskedTooOften(TooManyRequests):
    """
    Too many letters were asked for.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.args = (f"Asked too often. Try again in {retry_after_s} seconds.",)


class LinkWorthless(NotFound):
    """
    A link that was used, has ended, or never was.
    """

    def __init__(self) -> None:
        super().__init__("This link was used already, or its time is over. Ask for another.")


class AddressTaken(Conflict):
    """
    Another account has the e-mail address.
    """

    def __init__(self) -> None:
        super().__init__("Another account has this e-mail address.")


class NoSuchPerson(NotFound):
    """
    Nobody who signed up has the id.
    """

    def __init__(self, user_id: str) -> None:
        super().__init__(f"Nobody who signed up has the id {user_id[:64]!r}.")


class NotInThatState(Conflict):
    """
    What is asked for does not follow from the person's state.
    """

    def __init__(self, action: str, state: str) -> None:
        super().__init__(f"{action} is not for somebody who is {state}.")


class NoSuchTerms(NotFound):
    """
    No terms of use are published, or not that version.
    """

    def __init__(self, version: int | None = None) -> None:
        what = "No terms of use are" if version is None else f"No version {version} of them is"
        super().__init__(f"{what} published.")


class NotInForce(Conflict):
    """
    Terms that are not the newest are signed by nobody any more.
    """

    def __init__(self, version: int, newest: int) -> None:
        super().__init__(f"Version {version} is not in force any more; sign version {newest}.")


class FactorEnrolled(Conflict):
    """
    There is a second factor already.
    """

    def __init__(self) -> None:
        super().__init__("A second factor is enrolled already; end it first.")


class NoFactor(Conflict):
    """
    No second factor is enrolled.
    """

    def __init__(self) -> None:
        super().__init__("No second factor is enrolled.")


class AskedForByOthers(Conflict):
    """
    An administrator wants the second factor, so the person can't end it.
    """

    def __init__(self) -> None:
        super().__init__("An administrator asks for a second factor at each log-in.")


class NotShownAnew(Forbidden):
    """
    The token alone is not enough.  why: what else is.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)


class LastWay(Conflict):
    """
    Without this way to log in there would be none.
    """

    def __init__(self) -> None:
        super().__init__("This is the last way to log in to the account; add another first.")


class NoSuchWay(NotFound):
    """
    The account has no such way to log in.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"The account has no log-in by {name[:64]!r}.")


class HasPassword(Conflict):
    """
    There is a password, which is changed otherwise.
    """

    def __init__(self) -> None:
        super().__init__("The account has a password already; it is changed with the present one.")


class ElsewhereAlone(Forbidden):
    """
    A directory knows the passwords of this domain.
    """

    def __init__(self) -> None:
        super().__init__("Passwords of this domain are kept in a directory.")
