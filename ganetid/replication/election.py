"""
Whether a candidate may become master: a pure decision over what the nodes say.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from ganetid.node.membership import View


@frozen
class Vote:
    """
    What a node says.  view: the newest that it was told.

    hears_master: that view's master is connected to it right now and answers, or it is that
    master.
    """

    name: str
    view: View
    hears_master: bool


def newest(views: Collection[View]) -> View:
    """The view that was told last."""
    return max(views, key=lambda view: (view.epoch, view.version))


def majority(view: View) -> int:
    """How many nodes have to agree; those marked offline don't count."""
    return sum(not place.offline for place in view.nodes) // 2 + 1


def reasons_against(me: str, own: View, votes: Collection[Vote], *, forced: bool) -> list[str]:
    """
    Why `me` must not become master; nothing when it may.

    votes: of the other nodes that answered.  forced: the administrator says that the nodes that
    don't answer are down for certain, and that what only they know may be lost.
    """
    view = newest([own, *(vote.view for vote in votes)])
    reasons: list[str] = []
    if view.master == me:
        reasons.append("it is the master already")
    place = view.place(me)
    if place is None or not place.candidate or place.offline:
        reasons.append("it is not a master candidate")
    counted = {vote.name for vote in votes} & {each.name for each in view.nodes}
    if len(counted | {me}) < majority(view) and not forced:
        reasons.append(
            f"only {len(counted | {me})} of {len(view.nodes)} nodes answer,"
            f" {majority(view)} are needed"
        )
    if me not in view.in_sync and not forced:
        synced = ", ".join(view.in_sync) or "nobody"
        reasons.append(f"it may lack acknowledged changes: in sync are {synced}")
    hearing = sorted(vote.name for vote in votes if vote.hears_master and vote.name != view.master)
    if hearing and view.master not in counted:
        reasons.append(f"{', '.join(hearing)} still hear the master {view.master}")
    return reasons


def may_be_outvoted(me: str, view: View, told: Collection[str]) -> bool:
    """
    Whether nodes that were not told this view are enough to make one of them master.

    told: names of nodes that have the view, beside `me`.
    """
    untold = [each for each in view.nodes if not each.offline and each.name not in {me, *told}]
    return len(untold) >= majority(view)


def may_resume(me: str, own: View, votes: Collection[Vote]) -> tuple[bool, View]:
    """
    (whether a master that starts again may act, the newest view).

    It has to hear so many nodes that no majority can have chosen another one unheard.
    """
    view = newest([own, *(vote.view for vote in votes)])
    if view.master != me:
        return False, view
    counted = {vote.name for vote in votes} & {each.name for each in view.nodes if not each.offline}
    others = sum(not each.offline and each.name != me for each in view.nodes)
    return len(counted) > others - majority(view), view
