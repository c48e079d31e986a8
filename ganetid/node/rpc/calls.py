"""
The methods of INode as calls: names, types of arguments and results, time-outs.

The table is made from the methods of `Node`, so that a new method of INode is a new call.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import frozen
from zope.interface.interface import Method

from ganetid.disks.storage_paths import FileStoragePathError
from ganetid.node.interface import INode
from ganetid.node.machine import Node
from ganetid.opcodes.errors import (
    HypervisorError,
    OpcodeError,
    OpExecError,
    OpPrereqError,
    TypeEnforcementError,
)

LOCAL = frozenset({"watch", "close"})  # what the proxy does by itself
PATIENCE_S = 120.0
LONG_S = 6 * 3600.0
LONG = frozenset(
    {"create_disk", "remove_disk", "grow_disk", "snapshot_disk", "remove_debris", "migrate",
     "create_os", "install_os", "rename_os", "export_disk", "import_disk",
     "copy_disk", "send_disk", "receive_disk", "run_hooks", "suspend", "wake"}
)  # fmt: skip
REPEATABLE = frozenset(
    {"facts", "list_exports", "recover", "has_disk", "is_running", "carry", "connect", "disconnect",
     "share_groups", "change_groups", "carry_routers", "put_router", "drop_router", "console",
     "console_log", "clear", "tidy_after", "remove_disk", "remove_debris", "write_config_drive",
     "settle", "abort", "guest_state",
     "copy_disk", "read_config_drive", "read_chunk", "write_chunk", "keep_spare", "read_spare",
     "prune_spares", "write_ssconf", "has_address", "hold_cluster_address",
     "release_cluster_address", "end_transfer", "write_config_image", "shape", "own_disks",
     "forget_guest", "migrate", "pause", "unpause", "suspend", "sleeps", "wake", "forget_memory",
     "statistics", "set_password", "freeze", "thaw"}
)  # fmt: skip

ERRORS: Mapping[str, type[OpcodeError]] = {
    kind.__name__: kind
    for kind in (
        OpPrereqError,
        OpExecError,
        HypervisorError,
        TypeEnforcementError,
        FileStoragePathError,
    )
}


@frozen
class Call:
    """
    A method that can be called from afar.

    names, kinds: of its arguments.  defaults: of the last of them.  timeout: which argument says
    how long it may take, in seconds, if one does.
    repeatable: doing it twice does no more than doing it once.
    """

    name: str
    names: tuple[str, ...]
    kinds: tuple[Any, ...]
    defaults: tuple[Any, ...]
    result: Any
    repeatable: bool

    @property
    def is_brief(self) -> bool:
        """Whether it is done in seconds, whatever a guest or a disk does."""
        return self.name not in LONG and "timeout_s" not in self.names

    def arguments(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> list[Any]:
        """All arguments in order.  Raises TypeError, as a call would."""
        required = len(self.names) - len(self.defaults)
        filled = dict(zip(self.names[required:], self.defaults, strict=True))
        filled.update(zip(self.names, given, strict=False))
        filled.update(named)
        if len(given) > len(self.names) or set(filled) != set(self.names):
            raise TypeError(f"{self.name} takes {', '.join(self.names)}")
        return [filled[name] for name in self.names]

    def patience_s(self, arguments: list[Any]) -> float:
        """How long to wait for the answer while the node is there."""
        base = LONG_S if self.name in LONG else PATIENCE_S
        if "timeout_s" in self.names:
            base += float(arguments[self.names.index("timeout_s")] or 0)
        return base


def _call(name: str) -> Call:
    method = getattr(Node, name)
    hints = typing.get_type_hints(method)
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return Call(
        name=name,
        names=tuple(each.name for each in parameters),
        kinds=tuple(hints[each.name] for each in parameters),
        defaults=tuple(
            each.default for each in parameters if each.default is not inspect.Parameter.empty
        ),
        result=hints["return"],
        repeatable=name in REPEATABLE,
    )


CALLS: Mapping[str, Call] = {
    name: _call(name)
    for name, description in INode.namesAndDescriptions()
    if isinstance(description, Method) and name not in LOCAL
}


def encode(value: Any) -> bytes:
    """The value as MessagePack."""
    return msgspec.msgpack.encode(value)


def decode_arguments(call: Call, body: bytes) -> list[Any]:
    """Arguments in their types.  Raises msgspec.ValidationError, msgspec.DecodeError."""
    given = msgspec.msgpack.decode(body, type=list[msgspec.Raw])
    if len(given) != len(call.kinds):
        raise msgspec.ValidationError(f"{call.name} takes {len(call.kinds)} arguments")
    return [
        msgspec.msgpack.decode(each, type=kind)
        for each, kind in zip(given, call.kinds, strict=True)
    ]


def decode_result(call: Call, body: bytes) -> Any:
    """A result in its type.  Raises msgspec.ValidationError."""
    return msgspec.msgpack.decode(body, type=call.result)


def error_to_wire(error: OpcodeError) -> list[Any]:
    """The error's class, arguments, and whether for certain nothing was made."""
    return [type(error).__name__, list(error.args), getattr(error, "nothing_made", False)]


def error_from_wire(wire: list[Any]) -> OpcodeError:
    """The same error; one of a kind that is not known becomes an OpExecError."""
    name, arguments, nothing_made = wire
    kind = ERRORS.get(name)
    if kind is None:
        return OpExecError(f"{name}: {' '.join(map(str, arguments))}", nothing_made)
    if kind is OpExecError:
        return OpExecError(str(arguments[0]), nothing_made)
    return kind(*arguments)
