"""
Who is the master: asked for at start, and changed by an administrator's wish.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from attrs import evolve, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ganetid.node.membership import Membership, NotAllowed, OlderMaster, Place, View
from ganetid.node.rpc.client import NodeClient, Rejected, Unreachable
from ganetid.node.rpc.server import MEMBER, Asked, Door
from ganetid.replication.election import Vote, majority, may_resume, newest, reasons_against
from ganetid.roles.node import NodeHalf

VOTES_WITHIN_S = 4.0
ANSWERS_WITHIN_S = 2.0  # well within the former
ABDICATES_WITHIN_S = 60.0
ASK_AGAIN_S = 1.0


class CannotBeMaster(Exception):
    """This node must not become master; the reasons, one line."""


@frozen
class Succession:
    """
    This daemon's part in who is master.

    is_master: whether the master half runs here.
    abdicate: ends the master half; returns when it has ended.
    """

    reactor: Any
    half: NodeHalf
    is_master: Callable[[], bool]
    abdicate: Callable[[], Awaitable[None]]
    _log = Logger()

    def doors(self) -> dict[str, Door]:
        """What other nodes may ask."""
        return {"vote": Door(self._vote, MEMBER), "abdicate": Door(self._abdicate, MEMBER)}

    async def wait_to_resume(self) -> bool:
        """
        Whether a daemon that was the master is so still; waits until enough nodes say so.

        When another one is, its view is kept.
        """
        membership = self.half.membership
        if membership.view is None:
            return True
        has_complained = False
        while True:
            votes = await self._votes(membership.view)
            resumes, view = may_resume(membership.name, membership.view, votes)
            if view.master != membership.name:
                self._log.critical(
                    "{master} is the master since epoch {epoch}: this daemon is a node only",
                    master=view.master,
                    epoch=view.epoch,
                )
                await deferToThread(membership.keep, view)
                return False
            if resumes:
                return True
            if not has_complained:
                has_complained = True
                self._log.warn("too few nodes answer to be sure that this one is the master")
            await deferLater(self.reactor, ASK_AGAIN_S)

    async def succeed(self, forced: bool) -> View:
        """
        Win the nodes for this one as master; the view of the new reign.

        The former master, if it is there, ends its work first.  Raises CannotBeMaster.
        """
        membership = self.half.membership
        if membership.view is None:
            raise CannotBeMaster("this node is in no cluster of many")
        votes = await self._votes(membership.view)
        reasons = reasons_against(membership.name, membership.view, votes, forced=forced)
        view = newest([membership.view, *(vote.view for vote in votes)])
        if reasons:
            raise CannotBeMaster("; ".join(reasons))
        if view.master in {vote.name for vote in votes}:
            await self._ask_to_abdicate(view)
        reign = evolve(
            view,
            master=membership.name,
            epoch=view.epoch + 1,
            version=1,
            in_sync=(membership.name,),
        )
        await deferToThread(membership.keep, reign)
        won = await self._tell(reign)
        if won + 1 < majority(reign) and not forced:
            raise CannotBeMaster(f"only {won + 1} of {len(reign.nodes)} nodes follow; try again")
        return reign

    async def _votes(self, view: View) -> list[Vote]:
        """What all others say, of those that answer."""

        async def ask(place: Place) -> Vote | None:
            client = self._client(place, view.epoch)
            try:
                reply = await client.send("vote", timeout_s=VOTES_WITHIN_S)
                return msgspec.json.decode(reply.body, type=Vote)
            except (Unreachable, Rejected, OlderMaster):
                return None
            finally:
                await client.close()

        votes = await self._of_others(view, ask)
        return [vote for vote in votes if vote is not None]

    async def _tell(self, reign: View) -> int:
        """How many others take the view over."""

        async def tell(place: Place) -> bool:
            client = self._client(place, reign.epoch)
            try:
                await client.send("view", msgspec.json.encode(reign), timeout_s=VOTES_WITHIN_S)
            except (Unreachable, Rejected, OlderMaster) as error:
                self._log.warn("{name} does not follow: {error}", name=place.name, error=error)
                return False
            finally:
                await client.close()
            return True

        return sum(await self._of_others(reign, tell))

    async def _of_others(self, view: View, ask: Callable[[Place], Awaitable[Any]]) -> list[Any]:
        asked: list[Deferred[Any]] = [
            Deferred.fromCoroutine(ask(place))  # type: ignore[arg-type]
            for place in view.nodes
            if place.name != self.half.membership.name and not place.offline
        ]
        answers: list[Any] = await gatherResults(asked)
        return answers

    async def _ask_to_abdicate(self, view: View) -> None:
        place = view.place(view.master)
        assert place is not None
        client = self._client(place, view.epoch)
        try:
            await client.send("abdicate", timeout_s=ABDICATES_WITHIN_S)
        except (Unreachable, Rejected, OlderMaster) as error:
            raise CannotBeMaster(
                f"the master {view.master} answers, but does not end its work: {error}"
            ) from error
        finally:
            await client.close()

    def _client(self, place: Place, epoch: int) -> NodeClient:
        return NodeClient(
            self.reactor, place.name, place.address, lambda: self.half.identity, lambda: epoch
        )

    async def _vote(self, asked: Asked) -> bytes:
        membership = self.half.membership
        assert membership.view is not None
        hears = self.is_master() or (
            self.half.hears_master and await self._master_answers(membership.view)
        )
        return msgspec.json.encode(Vote(membership.name, membership.view, hears))

    async def _master_answers(self, view: View) -> bool:
        """A daemon that hangs keeps its connections, and would be heard for ever."""
        place = view.place(view.master)
        if place is None or place.name == self.half.membership.name:
            return True
        client = self._client(place, view.epoch)
        try:
            await client.send("vote", timeout_s=ANSWERS_WITHIN_S)
        except Unreachable:
            return False
        except (Rejected, OlderMaster):
            return True
        finally:
            await client.close()
        return True

    async def _abdicate(self, asked: Asked) -> bytes:
        _check_candidate(self.half.membership, asked)
        self._log.warn(
            "{name} asks this master to end its work", name=asked.peer and asked.peer.name
        )
        await self.abdicate()
        return b"{}"


def _check_candidate(membership: Membership, asked: Asked) -> None:
    view, peer = membership.view, asked.peer
    place = None if view is None or peer is None else view.place(peer.name)
    if place is None or not place.candidate:
        raise NotAllowed("only a master candidate may ask for that")
