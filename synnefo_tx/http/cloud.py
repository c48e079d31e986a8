"""
What every service of OpenStack's is made over.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from synnefo_tx.effect.clusters import Clusters
from synnefo_tx.http.router import Authenticate
from synnefo_tx.image.blocks import IBlocks
from synnefo_tx.store.database import Database


@frozen(eq=False, kw_only=True)
class Cloud:
    """
    clock: seconds since the epoch.  kick: called after a commit that wrote a wish.  clusters: for
    what is asked of one without a wish.  blocks: the storage.  public_url: base of the whole cloud
    when clients reach it through a proxy, else None and the Host header decides.
    """

    database: Database
    authenticate: Authenticate
    clock: Callable[[], float]
    kick: Callable[[], None]
    clusters: Clusters
    blocks: IBlocks
    public_url: str | None = None

    def now_us(self) -> int:
        """
        Microseconds since the epoch.
        """
        return int(self.clock() * 1_000_000)
