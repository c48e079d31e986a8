"""
A store that fails, for tests: calls that raise, wait, do half of what they should, or kill the
process; and a record of what a power cut would take.  Only an explicit address uses it (``faults=``
in ``archipelagod.stores.address``).  Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from archipelagod.stores.doubt import InDoubt
from archipelagod.stores.fault_plan import Fault, FaultPlan
from archipelagod.stores.store import Store
from archipelagod.stores.unsynced import Unsynced

SECTOR = 512  # a torn write is torn between sectors
_RETURNED = {"records.log": "log", "leases.acquire": "lease"}  # what a call returns fails, too


def faulty_store(store: Store, plan_path: str) -> Store:
    """
    The store with the faults of the plan; see FaultPlan.  Raises OSError, ValueError for a bad one.
    """
    plan = FaultPlan(plan_path)
    if plan.unsynced:
        unsynced = Unsynced(store, plan.unsynced)
        store = Store(
            cast("Any", unsynced.objects), cast("Any", unsynced.records), store.blocks, store.leases
        )
    return Store(
        *(cast("Any", FaultyPart(name, getattr(store, name), plan)) for name in Store._fields)
    )


class FaultyPart:
    """
    One part of a store.  It gives no descriptors: whoever had one could not be made to fail.
    """

    def __init__(self, name: str, part: Any, plan: FaultPlan) -> None:
        self._name = name
        self._part = part
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if not callable(method):
            return method
        called = f"{self._name}.{name}"

        def call(*arguments: Any, **options: Any) -> Any:
            fault = self._plan.fault(called)
            if fault is None:
                found = method(*arguments, **options)
            else:
                found = _perform(fault, method, arguments, options)
            if called in _RETURNED:
                return FaultyPart(_RETURNED[called], found, self._plan)
            return found

        self.__dict__[name] = call
        return call

    def fd(self, key: Any) -> None:
        """
        None, if the thing exists.
        """
        self._part.fd(key)


def _perform(
    fault: Fault, method: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """
    Makes the call as the fault has it.
    """
    fault.wait()
    if fault.moment == "torn":
        _do_half(method, arguments, fault)
    found = method(*arguments, **options) if fault.moment == "after" else None
    try:
        fault.strike()
    except OSError as error:
        if fault.moment == "after":
            raise InDoubt(*error.args) from error
        raise
    return method(*arguments, **options) if fault.moment != "after" else found


def _do_half(method: Callable[..., Any], arguments: tuple[Any, ...], fault: Fault) -> None:
    """
    Makes a write with the first part of its data, any other call not at all.
    """
    name = method.__name__
    if name == "write":
        oid, offset, data = arguments
        method(oid, offset, data[: int(len(data) * fault.share) // SECTOR * SECTOR])
    elif name == "append" and fault.kills:  # half a record is an append that nobody lived to undo
        method(arguments[0][: int(len(arguments[0]) * fault.share)])
