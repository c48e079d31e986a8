"""
Security groups and their rules.
"""

from __future__ import annotations

from tests.synnefo_tx.compute.cloud import Cloud

ROOT = "/network/v2.0"
GROUP, RULE = f"{ROOT}/security-groups/<thing_id>", f"{ROOT}/security-group-rules/<thing_id>"
BODIES = {
    f"PUT {GROUP}": {"security_group": {"name": "stolen"}},
    f"PUT {GROUP}/tags": {"tags": ["stolen"]},
    f"PUT {RULE}": {"security_group_rule": {"description": "stolen"}},
}


def made(cloud: Cloud) -> dict[str, str]:
    """
    A group that has a tag, and one of its rules.
    """
    body = {"security_group": {"name": "hers"}}
    group = cloud.neutron("POST", "/security-groups", body).json["security_group"]
    cloud.neutron("PUT", f"/security-groups/{group['id']}/tags/blue")
    return {
        GROUP: group["id"],
        f"{GROUP}/tags/<tag>": "blue",
        RULE: group["security_group_rules"][0]["id"],
    }
