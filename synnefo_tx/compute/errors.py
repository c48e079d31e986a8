"""
What the compute API refuses, with Nova's texts.
"""

from __future__ import annotations

from synnefo_tx import errors


class InstanceNotFound(errors.NotFound):
    """
    No such server, or not the caller's.
    """

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} could not be found.")


class FlavorNotFound(errors.NotFound):
    """
    No such flavor, or not the caller's to use.
    """

    def __init__(self, flavor_id: str) -> None:
        super().__init__(f"Flavor {flavor_id} could not be found.")


class KeypairNotFound(errors.NotFound):
    """
    The user has no such key pair.
    """

    def __init__(self, name: str, user_id: str) -> None:
        super().__init__(f"Keypair {name} not found for user {user_id}")


class InvalidState(errors.Conflict):
    """
    The server's state does not allow the action.  attribute: vm_state, task_state or launched_at.
    """

    def __init__(self, action: str, server_id: str, attribute: str, state: str | None) -> None:
        if state is None:
            message = f"Instance {server_id} is in an invalid state for '{action}'"
        else:
            message = f"Cannot '{action}' instance {server_id} while it is in {attribute} {state}"
        super().__init__(message)


class InstanceLocked(errors.Conflict):
    """
    The server is locked, and the caller no administrator.
    """

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} is locked")


class TooMany(errors.OverQuota):
    """
    The project's limits don't allow it; says of each resource that is short.
    """

    def __init__(self, short: list[tuple[str, int, int, int]]) -> None:
        """
        short: (resource, asked, used, limit).
        """
        names, asked, used, limits = (
            ", ".join(str(item[place]) for item in short) for place in range(4)
        )
        super().__init__(
            f"Quota exceeded for {names}: Requested {asked}, but already used {used} of {limits} "
            f"{names}"
        )


class Ambiguous(errors.Conflict):
    """
    More than one network would do.
    """

    def __init__(self) -> None:
        super().__init__("Multiple possible networks found, use a Network ID to be more specific.")
