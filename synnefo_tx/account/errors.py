"""
What is refused about projects, in Synnefo's words.

Source: Synnefo 0.21, astakos/im/messages.py and functions.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from synnefo_tx.errors import BadRequest, Conflict, Forbidden, NotFound, TooManyRequests


class NotAllowed(Forbidden):
    """
    Somebody else's project or membership.
    """

    def __init__(self) -> None:
        super().__init__("You do not have the permissions to perform this action.")


class NoSuchProject(NotFound):
    """
    There is none, or none that this user may see.
    """

    def __init__(self, project_id: str) -> None:
        super().__init__(f"There is no project with id '{project_id}'.")


class NoSuchApplication(NotFound):
    """
    There is none.
    """

    def __init__(self, application_id: int) -> None:
        super().__init__(f"There is no project application with id '{application_id}'.")


class NoSuchMembership(NotFound):
    """
    There is none, or none that this user may see.
    """

    def __init__(self) -> None:
        super().__init__("There is no pending membership request.")


class NotAlive(Conflict):
    """
    Nobody joins or leaves it.
    """

    def __init__(self, project_id: str) -> None:
        super().__init__(f"Project {project_id} is not active or suspended.")


class WrongState(Conflict):
    """
    Not from the state that it is in.
    """

    def __init__(self, noun: str, thing_id: object, action: str, state: str) -> None:
        super().__init__(f"Cannot {action} {noun} {thing_id} in state '{state}'.")


class NotPending(Conflict):
    """
    Another project's application, or not its last.
    """

    def __init__(self, application_id: int, project_id: str) -> None:
        super().__init__(f"{application_id} is not a pending application for project {project_id}.")


class NotARequest(Conflict):
    """
    The membership waits for no answer.
    """

    def __init__(self) -> None:
        super().__init__("There is no pending membership request.")


class NotAMember(Conflict):
    """
    Nobody leaves who is not inside.
    """

    def __init__(self) -> None:
        super().__init__("There is no accepted membership.")


class AlreadyMember(Conflict):
    """
    The user is inside, or has asked.
    """

    def __init__(self) -> None:
        super().__init__("This user is already associated with the project.")


class Closed(Conflict):
    """
    The policy of joining or leaving.  verb: "join" or "leave".
    """

    def __init__(self, verb: str) -> None:
        super().__init__(f"The project's {verb} policy is closed.")


class Full(Conflict):
    """
    As many members as there may be.
    """

    def __init__(self) -> None:
        super().__init__("The maximum number of members for this project has been reached.")


class UnknownUser(BadRequest):
    """
    An owner who isn't there.
    """

    def __init__(self) -> None:
        super().__init__("User does not exist.")


class UnknownMember(Conflict):
    """
    Somebody to enroll who isn't there.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown users: {name}")


class TooManyPending(Conflict):
    """
    Applications that wait for an answer.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have reached the maximum number of pending project applications: {limit}."
        )


class NameInUse(Conflict):
    """
    Another project has the name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"cannot approve: project with name '{name}' already exists")


class ProjectsBelow(Conflict):
    """
    A user with a personal project that is not empty: nobody's work goes without a word.
    """

    MOST_NAMED = 10

    def __init__(self, user_id: str, below: Sequence[tuple[str, str]]) -> None:
        named = ", ".join(f"{name} ({project_id})" for project_id, name in below[: self.MOST_NAMED])
        more = len(below) - self.MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        super().__init__(
            f"User {user_id} has projects below the personal project: {named}{rest}. Delete them "
            "before the user."
        )


class Unmodifiable(Conflict):
    """
    What of this project doesn't change.
    """


class BadPolicies(BadRequest):
    """
    Limits that can't be.
    """

    def __init__(self, message: str = "Malformed resource policies") -> None:
        super().__init__(message)


class ToldTooOften(TooManyRequests):
    """
    Too much feedback of one user.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.args = (f"Told too often. Try again in {retry_after_s} seconds.",)
