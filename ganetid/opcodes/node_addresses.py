"""
A node's secondary address: Ganeti's rules for clusters with one network and with two.
"""

from __future__ import annotations

from ganetid.cluster.model import Member
from ganetid.opcodes.context import Context
from ganetid.opcodes.definition import Input
from ganetid.opcodes.errors import WRONG_INPUT, WRONG_STATE, OpPrereqError


async def check_secondary_ip(context: Context, given: Input, member: Member) -> None:
    """Raise OpPrereqError unless the node may have it, and has it."""
    wanted, master = str(given["secondary_ip"]), context.cluster.members[context.cluster.master]
    may_change = given["force"] and member.name == master.name
    has_one_network = master.secondary_ip == master.primary_ip
    if has_one_network and wanted != member.primary_ip:
        if not may_change:
            raise OpPrereqError(
                "Changing the secondary ip on a single-homed cluster requires the --force option"
                " to be passed, and the target node to be the master",
                WRONG_INPUT,
            )
        context.log(
            "Transitioning from single-homed to multi-homed cluster; all nodes will require a"
            " secondary IP address"
        )
    elif not has_one_network and wanted == member.primary_ip:
        if not may_change:
            raise OpPrereqError(
                "Cannot set the secondary IP to be the same as the primary IP on a multi-homed"
                " cluster, unless the --force option is passed, and the target node is the master",
                WRONG_INPUT,
            )
        context.log(
            "Transitioning from multi-homed to single-homed cluster; secondary IP addresses will"
            " have to be removed"
        )
    if not member.offline and not await context.nodes.named(member.name).has_address(wanted):
        raise OpPrereqError(
            f"Node claims it doesn't have the secondary ip you gave ({wanted}), please fix and"
            " re-run this command",
            WRONG_STATE,
        )
