"""
A good request of each writing route: what the strange ones are made of.

``{name}`` stands for the id that an earlier example's answer had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from tests.synnefo_tx.compute.cloud import IMAGE, NETWORK


@frozen
class Example:
    """
    as_: what the id in the answer is called from here on, "" for nothing.
    """

    method: str
    path: str
    body: Any = None
    as_: str = ""

    def filled(self, known: Mapping[str, str]) -> Example:
        """
        With the ids that are known.
        """
        text = json.dumps(self.body)
        path = self.path
        for name, value in known.items():
            text, path = text.replace(f"{{{name}}}", value), path.replace(f"{{{name}}}", value)
        return Example(self.method, path, json.loads(text), self.as_)


NOVA, NEUTRON, CINDER = "/compute/v2.1", "/network/v2.0", "/volume/v3"
SERVER = f"{NOVA}/servers/{{server}}"
COMPUTE = (
    Example(
        "POST",
        f"{NOVA}/servers",
        {
            "server": {
                "name": "w",
                "flavorRef": "1",
                "imageRef": IMAGE,
                "networks": [{"uuid": NETWORK}],
                "metadata": {"a": "b"},
                "user_data": "aGk=",
                "availability_zone": "nova",
                "config_drive": True,
                "min_count": 1,
                "max_count": 1,
                "accessIPv4": "1.2.3.4",
                "accessIPv6": "::1",
                "OS-DCF:diskConfig": "AUTO",
                "security_groups": [{"name": "default"}],
            }
        },
        "server",
    ),
    Example("PUT", SERVER, {"server": {"name": "v", "accessIPv4": "1.2.3.4"}}),
    Example("POST", f"{SERVER}/metadata", {"metadata": {"k": "v"}}),
    Example("PUT", f"{SERVER}/metadata", {"metadata": {"k": "v"}}),
    Example("PUT", f"{SERVER}/metadata/k", {"meta": {"k": "v"}}),
    Example("PUT", f"{SERVER}/tags", {"tags": ["a", "b"]}),
    Example("POST", f"{NOVA}/os-keypairs", {"keypair": {"name": "k", "type": "ssh"}}),
    Example("PUT", f"{NOVA}/os-quota-sets/project-alice", {"quota_set": {"cores": 5}}),
    Example("PUT", f"{NOVA}/os-quota-class-sets/default", {"quota_class_set": {"cores": 5}}),
)
NETWORKS = (Example("PUT", f"{NEUTRON}/quotas/project-alice", {"quota": {"network": 5}}),)
VOLUMES = (Example("PUT", f"{CINDER}/os-quota-sets/project-alice", {"quota_set": {"volumes": 5}}),)
EXAMPLES = (*COMPUTE, *NETWORKS, *VOLUMES)
