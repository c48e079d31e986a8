"""
How an opcode fails, in Ganeti's words, and how that looks in a job's result.
"""

from __future__ import annotations

from typing import Any

WRONG_INPUT = "wrong_input"
WRONG_STATE = "wrong_state"
UNKNOWN_ENTITY = "unknown_entity"
ALREADY_EXISTS = "already_exists"
NOT_UNIQUE = "resource_not_unique"
NO_RESOURCES = "insufficient_resources"
NO_RESOURCES_NOW = "temp_insufficient_resources"
INTERNAL = "internal_error"


class OpcodeError(Exception):
    """An opcode failed; the class's name and arguments become its result."""


class OpPrereqError(OpcodeError):
    """It can't be done as things are; nothing was changed.  Arguments: message, error code."""

    def __init__(self, message: str, ecode: str) -> None:
        super().__init__(message, ecode)


class OpExecError(OpcodeError):
    """
    It failed while being done; what it had made is removed again.

    nothing_made: for certain, so that there is nothing to remove.
    """

    def __init__(self, message: str, nothing_made: bool = False) -> None:
        super().__init__(message)
        self.nothing_made = nothing_made


class HypervisorError(OpcodeError):
    """The hypervisor refused or broke."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class TypeEnforcementError(OpcodeError):
    """A parameter is unknown or of the wrong type."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class TagError(OpcodeError):
    """A tag can't be so."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class AddressPoolError(OpcodeError):
    """An address of a network can't be used."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class Cancelled(OpcodeError):
    """Somebody wants the job to stop; what the opcode had made is removed again."""

    def __init__(self) -> None:
        super().__init__("Job canceled by request")


class BadParameters(Exception):
    """A request's parameters don't fit the opcode; never stored, answered with 400."""


def encoded(error: OpcodeError) -> list[Any]:
    """The error as it stands in ``opresult``."""
    return [type(error).__name__, list(error.args)]
