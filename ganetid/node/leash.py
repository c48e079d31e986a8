"""
This machine's own node, as long as the master half may use it.

A job that was left behind when another node became master must do no more: the new master's word
counts, here too.
"""

from __future__ import annotations

from typing import Any

from ganetid.node.interface import INode
from ganetid.node.rpc.calls import CALLS
from ganetid.opcodes.errors import OpExecError


class Leash:
    """INode by another one; after `let_go` its calls fail."""

    def __init__(self, node: INode) -> None:
        self._node = node
        self._is_gone = False

    def let_go(self) -> None:
        """Refuse all calls from now on."""
        self._is_gone = True

    def __getattr__(self, name: str) -> Any:
        if self._is_gone and name in CALLS:
            raise OpExecError("This daemon is not the master any more", nothing_made=True)
        return getattr(self._node, name)
