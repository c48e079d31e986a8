"""
Changes to an instance's list of disks or NICs, in all the forms that Ganeti takes.

``[op, index, parameters]`` with an index as number or text, a name or a UUID; the older form is
``[op, parameters]``, which adds or removes at the end, or ``[index, parameters]``, which modifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from attrs import frozen

from ganetid.opcodes.errors import UNKNOWN_ENTITY, WRONG_INPUT, OpExecError, OpPrereqError
from ganetid.opcodes.fields import (
    Check,
    Kind,
    either,
    integer,
    list_of,
    not_negative,
    one_of,
    string,
    tuple_of,
)

ADD = "add"
ATTACH = "attach"
REMOVE = "remove"
DETACH = "detach"
MODIFY = "modify"
GOES = frozenset({REMOVE, DETACH})
COMES = frozenset({ADD, ATTACH})
LAST = -1


class Device(Protocol):
    """A disk or a NIC."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def uuid(self) -> str:
        """What the cluster calls it."""


D = TypeVar("D", bound=Device)


@frozen
class DeviceChange:
    """One change.  place: an index, negative ones from the end, or a name or UUID."""

    action: str
    place: int | str
    parameters: dict[str, Any]


def changes_kind(parameters: Check) -> Kind:
    """The values that the opcode's field takes."""
    return either(
        list_of(
            tuple_of(
                one_of(REMOVE, ADD, MODIFY, ATTACH, DETACH), either(integer, string), parameters
            )
        ),
        list_of(tuple_of(either(one_of(REMOVE, DETACH, ADD, ATTACH), not_negative), parameters)),
    )


def changes_from(given: Sequence[Any], kind: str) -> list[DeviceChange]:
    """
    The changes that are asked for.  kind: disk or NIC, for errors.  Raises OpPrereqError.
    """
    changes = [_change_from(each) for each in given]
    old_form = [each for each in given if len(each) == 2 and isinstance(each[0], str)]
    if len(old_form) > 1:
        raise OpPrereqError(
            f"Only one {kind} add/attach/remove/detach operation is supported at a time",
            WRONG_INPUT,
        )
    for change in changes:
        if change.action in GOES and change.parameters:
            raise OpPrereqError(
                f"No settings should be passed when removing or detaching a {kind}", WRONG_INPUT
            )
    return changes


def _change_from(given: Sequence[Any]) -> DeviceChange:
    if len(given) == 3:
        action, place, parameters = given
        return DeviceChange(action, _place(place), dict(parameters))
    first, parameters = given
    if isinstance(first, int):
        return DeviceChange(MODIFY, first, dict(parameters))
    return DeviceChange(first, LAST, dict(parameters))


def _place(given: int | str) -> int | str:
    """An index may come as text."""
    try:
        return int(given)
    except ValueError:
        return given


def index_of(devices: Sequence[D], change: DeviceChange, kind: str) -> int:
    """Where the device is that goes or is modified.  Raises OpPrereqError."""
    place = change.place
    if isinstance(place, int):
        index = len(devices) - 1 if place == LAST else place
        if not 0 <= index < len(devices):
            if place < LAST:
                raise OpPrereqError(f"Not accepting negative indices other than -1: {place}",
                                    WRONG_INPUT)  # fmt: skip
            raise OpExecError(f"Got {kind} index {place}, but there are only {len(devices)}")
        return index
    for index, device in enumerate(devices):
        if place in {device.name, device.uuid}:
            return index
    raise OpPrereqError(f"Cannot find {kind} with identifier {place}", UNKNOWN_ENTITY)


def new_index(devices: Sequence[D], change: DeviceChange, kind: str) -> int:
    """Where a device that comes is put in.  Raises OpPrereqError."""
    place = change.place
    if not isinstance(place, int):
        raise OpPrereqError(
            f"Only positive integer or -1 is accepted as identifier for {ADD}", WRONG_INPUT
        )
    if place == LAST:
        return len(devices)
    if place < LAST:
        raise OpPrereqError("Not accepting negative indices other than -1", WRONG_INPUT)
    if place > len(devices):
        raise OpPrereqError(f"Got {kind} index {place}, but there are only {len(devices)}",
                            WRONG_INPUT)  # fmt: skip
    return place


def inserted(devices: Sequence[D], index: int, device: D) -> tuple[D, ...]:
    """The devices with one put in at `index`."""
    return (*devices[:index], device, *devices[index:])


def replaced(devices: Sequence[D], index: int, device: D) -> tuple[D, ...]:
    """The devices with the one at `index` changed."""
    return (*devices[:index], device, *devices[index + 1 :])


def without(devices: Sequence[D], index: int) -> tuple[D, ...]:
    """The devices without the one at `index`."""
    return (*devices[:index], *devices[index + 1 :])
