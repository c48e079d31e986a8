"""
This machine's own node, as long as the master half may use it.

A job that was left behind when another node became master must do no more: the new master's word
counts, here too.
"""

from __future__ import annotations

from typing import Any

from ganetid.node.interface import INode
from ganetid.node.membership import Membership
from ganetid.node.rpc.calls import CALLS
from ganetid.node.rpc.underway import Underway
from ganetid.opcodes.errors import OpExecError


class Leash:
    """INode by another one; its calls fail after `let_go`, and once there is another master."""

    def __init__(self, node: INode, underway: Underway, membership: Membership) -> None:
        self._node = node
        self._underway = underway
        self._membership = membership
        self._is_gone = False

    def let_go(self) -> None:
        """Refuse all calls from now on."""
        self._is_gone = True

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._node, name)
        call = CALLS.get(name)
        if call is None:
            return found
        if self._is_gone or not self._membership.is_master:
            raise OpExecError("This daemon is not the master any more", nothing_made=True)
        return self._underway.counted(call, self._membership.epoch, found)
