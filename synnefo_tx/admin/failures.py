"""
How `synnefo-manage` ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from synnefo_tx.errors import BadRequest, DomainError, NotFound

REFUSED, WRONG_INPUT, NOT_FOUND, DIFFERENCES, UNUSABLE = 1, 2, 3, 4, 5


class Failed(click.ClickException):
    """
    One line on the terminal, and the exit status.
    """

    def __init__(self, message: str, status: int = REFUSED) -> None:
        super().__init__(message)
        self.status = status

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click's is an attribute
        """
        For click.
        """
        return self.status


@contextmanager
def told() -> Iterator[None]:
    """
    What a unit refuses, told with its exit status.
    """
    try:
        yield
    except NotFound as error:
        raise Failed(str(error), NOT_FOUND) from error
    except BadRequest as error:
        raise Failed(str(error), WRONG_INPUT) from error
    except DomainError as error:
        raise Failed(str(error)) from error
