"""
What makes a security group stand at a cluster, and go.  Pure.

Bodies as ganetid takes them: Ganeti has no security groups.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from synnefo_tx.effect.plan import group_name
from synnefo_tx.effect.tasks import Step
from synnefo_tx.effect.wishes import Wish

APPLY = "security_group.apply"
BASE = "/2/security-groups"


@frozen(kw_only=True)
class RuleShape:
    """
    direction: in or out.  ethertype: ipv4 or ipv6.  protocol: a name that has ports, or a number.
    remote: a block; remote_group_id: a group of the cloud's; neither is anybody.
    """

    direction: str
    ethertype: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remote: str | None
    remote_group_id: str | None


def stands(group_id: str, cluster_id: str, rules: tuple[RuleShape, ...]) -> tuple[Step, ...]:
    """
    It is there with these rules; groups that they name are there at least.
    """
    named = {rule.remote_group_id for rule in rules if rule.remote_group_id is not None}
    made = (
        Step(
            _wish(group_id, cluster_id, "POST", BASE, {"name": group_name(one)}),
            despite=("already_exists",),
        )
        for one in (group_id, *sorted(named - {group_id}))
    )
    path = f"{BASE}/{group_name(group_id)}/modify"
    body = {"rules": [_rule(rule) for rule in rules]}
    return *made, Step(_wish(group_id, cluster_id, "PUT", path, body))


def gone(group_id: str, cluster_id: str) -> tuple[Step, ...]:
    """
    It is not there.
    """
    path = f"{BASE}/{group_name(group_id)}"
    return (
        Step(
            _wish(group_id, cluster_id, "DELETE", path, None),
            despite=("unknown_entity",),
        ),
    )


def _rule(rule: RuleShape) -> dict[str, Any]:
    named = rule.remote_group_id
    return {
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": rule.protocol,
        "port_min": rule.port_min,
        "port_max": rule.port_max,
        "remote": rule.remote,
        "remote_group": None if named is None else group_name(named),
    }


def _wish(
    group_id: str, cluster_id: str, method: str, path: str, body: dict[str, Any] | None
) -> Wish:
    return Wish(
        kind=APPLY,
        target=group_id,
        cluster_id=cluster_id,
        method=method,
        path=path,
        body=body,
    )
