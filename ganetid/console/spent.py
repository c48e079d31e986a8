"""
Tokens that were used, kept on disk: a proxy that is started again lets none in twice.
"""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from ganetid.console.tokens import BadToken, Ticket


@frozen
class SpentTokens:
    """
    A directory with an empty file for each token that was used and has not expired.

    Several processes may share it.  All methods block: call them in a thread.
    """

    directory: Path

    def spend(self, ticket: Ticket) -> None:
        """Use it up.  Raises BadToken when it was used before, OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory / ticket.id
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise BadToken("used before") from None
        os.close(handle)
        os.utime(path, (ticket.expires, ticket.expires))

    def forget(self, now: float) -> None:
        """Remove those that have expired, and so open nothing."""
        for path in self.directory.glob("*"):
            try:
                if path.stat().st_mtime < now:
                    path.unlink()
            except FileNotFoundError:
                continue
