"""
Whether an instance fits the policy of the group that it is in.
"""

from __future__ import annotations

from ganetid.cluster.cluster_defaults import enabled_templates
from ganetid.cluster.model import Instance
from ganetid.cluster.parameters import actual_beparams
from ganetid.cluster.policy import Wish, cluster_policy, group_policy, violations
from ganetid.opcodes.context import Context
from ganetid.opcodes.errors import WRONG_INPUT, OpPrereqError


def require_allowed(context: Context, instance: Instance, ignore: bool) -> None:
    """
    Raises OpPrereqError for an instance that its group's policy forbids.

    ignore: only say so in the job's log.
    """
    group = context.cluster.group_of(instance.primary_node)
    found = policy_violations(context, instance)
    if group is None or not found:
        return
    message = (
        f"Instance allocation to group {group.uuid} ({group.name}) violates policy:"
        f" {', '.join(found)}"
    )
    if not ignore:
        raise OpPrereqError(message, WRONG_INPUT)
    context.log(f" - WARNING: {message}")


def policy_violations(context: Context, instance: Instance) -> list[str]:
    """What of the instance the policy of its group forbids, in Ganeti's words."""
    if context.cluster.group_of(instance.primary_node) is None:
        return []
    return violations(_policy(context, instance), wish_of(context, instance))


def wish_of(context: Context, instance: Instance) -> Wish:
    """What of the instance a policy looks at."""
    beparams = actual_beparams(instance.beparams, context.cluster.facts)
    return Wish(
        memory=beparams["maxmem"],
        vcpus=beparams["vcpus"],
        disks=tuple(disk.size_mib for disk in instance.disks),
        nics=len(instance.nics),
        spindle_use=beparams["spindle_use"],
        template=instance.disk_template,
    )


def _policy(context: Context, instance: Instance) -> dict[str, object]:
    facts = context.cluster.facts
    group = context.cluster.group_of(instance.primary_node)
    possible = context.nodes.named(instance.primary_node).abilities.templates
    whole = cluster_policy(facts.params, enabled_templates(facts, possible))
    return group_policy(whole, group.ipolicy if group else {})
