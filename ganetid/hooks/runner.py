"""
Hooks around opcodes: which ones, told what, on which nodes, and what their failure means.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from ganetid.cluster.configuration import Configuration
from ganetid.cluster.model import Change, DropInstance, Instance, PutInstance
from ganetid.cluster.parameters import actual
from ganetid.hooks.environment import (
    Environment,
    as_text,
    instance_part,
    known_network_part,
)
from ganetid.hooks.paths import CLUSTER, HOOKS, INSTANCE, NODE, Hook
from ganetid.hooks.places import nodes_for
from ganetid.hooks.run import FAIL, POST, PRE, HookResult, run_hooks
from ganetid.opcodes.errors import OpcodeError, OpExecError

VERSION = "2"

Given = Mapping[str, Any]
RunOn = Callable[[str, str, str, Environment], Awaitable[tuple[HookResult, ...]]]


class HooksAbort(OpcodeError):
    """
    Hooks refused the opcode.  Its argument: (node, script, output) of each that failed.
    """

    def __init__(self, failures: list[list[str]]) -> None:
        super().__init__(failures)


@frozen
class Begun:
    """
    What `before` leaves for `after`: the opcode, and what its hooks were told.

    instance: the one that it is about, as it was then, if there was one.
    """

    op_id: str
    given: Given
    hook: Hook
    told: Environment
    instance: Instance | None


@frozen
class HookRunner:
    """
    Runs hooks on the nodes that Ganeti runs them on.

    run_on: runs the hooks of (node, path, phase, environment); for this daemon's own node see
    `here`.  Raises OpcodeError when the node can't be reached, which is logged and no more.
    data_dir: where this daemon keeps its data, as hooks are told.
    """

    run_on: RunOn
    data_dir: str
    hooks: Mapping[str, Hook] = field(factory=lambda: HOOKS)
    _log = Logger()

    async def before(
        self, op_id: str, given: Given, cluster: Configuration, wished: Instance | None = None
    ) -> Begun | None:
        """
        Run the pre hooks.  Raises HooksAbort.

        wished: the instance that the opcode is about to make.

        None if there is nothing to follow: for an opcode without hooks, and for a dry run, whose
        pre hooks run in a Ganeti too, since they are among what it looks at.
        """
        hook = self.hooks.get(op_id)
        if hook is None:
            return None
        instance = wished or _instance_of(given, cluster, ())
        told = _told(hook, op_id, given, cluster, instance)
        begun = Begun(op_id, given, hook, told, instance)
        environment = self._environment(begun, PRE, cluster, _prefixed("GANETI_", told))
        nodes = nodes_for(hook, True, given, cluster, instance)
        failures = [
            [node, result.script, result.output]
            for node, results in await self._on_all(nodes, hook.path, PRE, environment)
            for result in results
            if result.outcome == FAIL
        ]
        if failures:
            raise HooksAbort(failures)
        return None if given.get("dry_run") else begun

    async def after(
        self,
        begun: Begun | None,
        cluster: Configuration,
        log: Callable[[str], None],
        changes: tuple[Change, ...] = (),
    ) -> bool:
        """
        Run the post hooks of an opcode that succeeded; `log` is told of those that fail.

        Whether none did.  They are told what was so before, and as GANETI_POST_* what is so now: in
        `cluster`, and by `changes` that are not in there yet.
        """
        if begun is None:
            return True
        hook, given = begun.hook, begun.given
        instance = _instance_of(given, cluster, changes)
        now = _told_after(begun, cluster, instance)
        told = {**_prefixed("GANETI_", begun.told), **_prefixed("GANETI_POST_", now)}
        environment = self._environment(begun, POST, cluster, told)
        nodes = nodes_for(hook, False, given, cluster, instance or begun.instance)
        went_well = True
        for node, results in await self._on_all(nodes, hook.path, POST, environment):
            for result in results:
                if result.outcome == FAIL:
                    went_well = False
                    output = result.output or "(no output)"
                    log(f" - WARNING: On {node} script {result.script} failed, output: {output}")
        return went_well

    def _environment(
        self, begun: Begun, phase: str, cluster: Configuration, told: Environment
    ) -> Environment:
        return {
            "GANETI_HOOKS_VERSION": VERSION,
            "GANETI_HOOKS_PHASE": phase,
            "GANETI_HOOKS_PATH": begun.hook.path,
            "GANETI_OP_CODE": begun.op_id,
            "GANETI_OBJECT_TYPE": begun.hook.kind,
            "GANETI_DATA_DIR": self.data_dir,
            "GANETI_CLUSTER": cluster.cluster_name,
            "GANETI_MASTER": cluster.master,
            **told,
        }

    async def _on_all(
        self, nodes: tuple[str, ...], path: str, phase: str, environment: Environment
    ) -> list[tuple[str, tuple[HookResult, ...]]]:
        """What each node's hooks did, nodes side by side; a node out of reach has none."""
        work = [Deferred.fromCoroutine(self._on(node, path, phase, environment)) for node in nodes]
        results = await gatherResults(work, consumeErrors=True)
        return list(zip(nodes, results, strict=True))

    async def _on(
        self, node: str, path: str, phase: str, environment: Environment
    ) -> tuple[HookResult, ...]:
        try:
            return await self.run_on(node, path, phase, environment)
        except OpcodeError as error:
            self._log.warn("hooks {path} on {node}: {error}", path=path, node=node, error=error)
            return ()


class HookedNodes(Protocol):
    """Nodes by name, each of which runs its own hooks."""

    def named(self, name: str) -> Any:
        """The node of this name.  Raises OpPrereqError."""


def on_nodes(nodes: HookedNodes) -> RunOn:
    """
    A `run_on` that has each node run its own hooks.

    A node that did not answer last time is not waited for: what it is about may be its death.
    """

    async def run_on(
        node: str, path: str, phase: str, environment: Environment
    ) -> tuple[HookResult, ...]:
        its_own = nodes.named(node)
        if not its_own.is_reachable:
            raise OpExecError(f"Node '{node}' can't be reached")
        results: tuple[HookResult, ...] = await its_own.run_hooks(path, phase, environment)
        return results

    return run_on


def here(reactor: Any, directory: Path, own_node: str) -> RunOn:
    """A `run_on` that knows just this node; others have no hooks."""

    async def run_on(
        node: str, path: str, phase: str, environment: Environment
    ) -> tuple[HookResult, ...]:
        if node != own_node:
            return ()
        return await run_hooks(reactor, directory, path, phase, environment)

    return run_on


def _told(
    hook: Hook, op_id: str, given: Given, cluster: Configuration, instance: Instance | None
) -> Environment:
    """What the object's hooks are told of it as it is now, without prefix."""
    told: dict[str, Any] = {name: given.get(parameter) for name, parameter in hook.told.items()}
    told |= {name: given[key] for name, key in hook.told_if.items() if given.get(key)}
    for name in ("NETWORK_TAGS", "TARGET_GROUPS"):
        if isinstance(told.get(name), list):
            told[name] = " ".join(map(str, told[name]))
    facts = as_text(told)
    if hook.kind == INSTANCE:
        facts |= _instance_facts(op_id, given, cluster, instance)
    if op_id in {"OP_NETWORK_SET_PARAMS", "OP_NETWORK_DISCONNECT"}:
        facts = {**known_network_part(given, cluster.networks), **facts}
    if hook.kind == NODE and given.get("node_name"):
        facts["OP_TARGET"] = str(given["node_name"])
    if hook.kind == CLUSTER:
        facts["OP_TARGET"] = cluster.cluster_name
    return facts


def _instance_of(
    given: Given, cluster: Configuration, changes: tuple[Change, ...]
) -> Instance | None:
    """The instance that an opcode is about, once `changes` are made; None when there is none."""
    names = {given[key] for key in ("instance_name", "new_name") if given.get(key)}
    for change in changes:
        if isinstance(change, PutInstance) and change.instance.name in names:
            return change.instance
    dropped = {change.name for change in changes if isinstance(change, DropInstance)}
    known = (cluster.instances.get(name) for name in names - dropped)
    return next((each for each in known if each is not None), None)


def _instance_facts(
    op_id: str, given: Given, cluster: Configuration, instance: Instance | None
) -> Environment:
    if instance is not None:
        status = str(bool(given["start"])) if op_id == "OP_INSTANCE_CREATE" else None
        facts = instance_part(actual(instance, cluster.facts), cluster.networks, status)
        return {**facts, **_move(op_id, given, instance.primary_node)}
    return {"OP_TARGET": str(given["instance_name"])}


def _move(op_id: str, given: Given, primary: str) -> Environment:
    if op_id not in {"OP_INSTANCE_FAILOVER", "OP_INSTANCE_MIGRATE"}:
        return {}
    facts = {
        "OLD_PRIMARY": primary,
        "NEW_PRIMARY": str(given.get("target_node") or ""),
        "OLD_SECONDARY": "",
        "NEW_SECONDARY": "",
    }
    if op_id == "OP_INSTANCE_MIGRATE":
        is_live = given.get("mode") != "non-live" and given.get("live") is not False
        facts["MIGRATE_LIVE"] = str(is_live)
    return facts


def _told_after(begun: Begun, cluster: Configuration, instance: Instance | None) -> Environment:
    """What is so now; of an instance that is gone what was so, of one that moved both places."""
    if begun.hook.kind == INSTANCE and instance is None:
        return begun.told
    now = _told(begun.hook, begun.op_id, begun.given, cluster, instance)
    if "OLD_PRIMARY" in now:
        now["OLD_PRIMARY"] = begun.told["OLD_PRIMARY"]
        now["NEW_PRIMARY"] = now["INSTANCE_PRIMARY"]
    return now


def _prefixed(prefix: str, told: Environment) -> Environment:
    return {f"{prefix}{name}": value for name, value in told.items()}
