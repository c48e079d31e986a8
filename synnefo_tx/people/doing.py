"""
By whom and when something is done to people, and who must know.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.identity.follower import IFollower, Told


@frozen(eq=False)
class Doing:
    """
    at: seconds since the epoch.  horizon_s: how long tokens live that may have to end.  by: id of
    who does it; "": the person, or nobody.
    """

    at: float
    horizon_s: int
    follower: IFollower
    by: str = ""

    @property
    def now(self) -> int:
        """
        Whole seconds since the epoch.
        """
        return int(self.at)

    @property
    def told(self) -> Told:
        """
        As a follower is told.
        """
        return Told(self.by, int(self.at * 1e6), self.horizon_s)
