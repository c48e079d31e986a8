"""
Who decides where instances go: ganetid itself, or a program that the cluster or a request names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from ganetid.cluster.cluster_defaults import cluster_parameter, enabled_templates
from ganetid.cluster.defaults import UnknownParameter
from ganetid.cluster.model import Instance
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import NO_RESOURCES, OpExecError, OpPrereqError
from ganetid.placement.choice import scarcity, target_for
from ganetid.placement.program import NoDecision, decide, program_named
from ganetid.placement.request import allocation, cluster_data, relocation

BUILT_IN = "ganetid"
HAIL = "hail"  # where it is not installed, we decide in its spirit


@frozen
class Allocator:
    """A program, by the name that the cluster knows it by."""

    context: Context
    name: str
    program: Path

    async def ask(
        self, request: Mapping[str, Any], template: str, ecode: str = NO_RESOURCES
    ) -> Any:
        """Its result.  Raises OpPrereqError with the code when it has none."""
        cluster = self.context.cluster
        question = {
            **cluster_data(cluster, self.context.nodes, template),
            "request": request,
        }
        options = cluster_parameter(cluster.facts, "default_iallocator_params")
        try:
            return await decide(self.program, question, options)
        except NoDecision as error:
            raise OpPrereqError(
                f"Can't compute nodes using iallocator '{self.name}': {error}", ecode
            ) from error


def allocator_for(context: Context, given: Mapping[str, Any]) -> Allocator | None:
    """The program that decides; None: we do.  Raises OpExecError for one that is not there."""
    name = given.get("iallocator") or cluster_parameter(context.cluster.facts, "default_iallocator")
    if not name or name == BUILT_IN:
        return None
    program = program_named(str(name))
    if program is not None:
        return Allocator(context, str(name), program)
    if name == HAIL:
        return None
    raise OpExecError(
        "Failure while running the iallocator script: iallocator module"
        f" '{name}' not found in the search path"
    )


async def placed(context: Context, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    The request for a new instance with its node, if a program decides on that.

    Raises OpPrereqError, OpExecError.
    """
    if given["pnode"] or given["commit"]:
        return given
    allocator = allocator_for(context, given)
    if allocator is None:
        return given
    abilities = context.nodes.own.abilities
    template = (
        given["disk_template"] or enabled_templates(context.cluster.facts, abilities.templates)[0]
    )
    wished = {**given, "hypervisor": given["hypervisor"] or abilities.default_hypervisor}
    try:
        request = allocation(wished, context.cluster, template)
    except (UnknownParameter, KeyError, TypeError, ValueError):
        return given  # what is wrong with it is said later, with better words
    (node,) = await allocator.ask(request, template, scarcity(given))
    context.log(
        f" - INFO: Selected nodes for instance {given['instance_name']} via iallocator"
        f" {allocator.name}: {node}"
    )
    return {**given, "pnode": node}


async def target_of(context: Context, instance: Instance, given: Mapping[str, Any]) -> str:
    """Name of the node that an instance is to go to.  Raises OpPrereqError, OpExecError."""
    allocator = None if given["target_node"] else allocator_for(context, given)
    if allocator is not None:
        request = relocation(instance, [instance.primary_node])
        (node,) = await allocator.ask(request, instance.disk_template)
        given = {**given, "target_node": node}
    return target_for(instance, given, context.cluster, context.nodes)
