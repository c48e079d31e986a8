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
    Example(
        "POST",
        f"{NOVA}/servers/{{server}}/os-interface",
        {"interfaceAttachment": {"net_id": NETWORK}},
    ),
    Example(
        "POST",
        f"{NOVA}/flavors",
        {
            "flavor": {
                "name": "f",
                "ram": 64,
                "vcpus": 1,
                "disk": 1,
                "id": "auto",
                "swap": 0,
                "OS-FLV-EXT-DATA:ephemeral": 0,
                "rxtx_factor": 1.0,
                "os-flavor-access:is_public": False,
            }
        },
        "own_flavor",
    ),
    Example("PUT", f"{NOVA}/flavors/{{own_flavor}}", {"flavor": {"description": "d"}}),
    Example("POST", f"{NOVA}/flavors/{{own_flavor}}/os-extra_specs", {"extra_specs": {"a": "b"}}),
    Example(
        "POST",
        f"{NOVA}/flavors/{{own_flavor}}/action",
        {"addTenantAccess": {"tenant": "project-alice"}},
    ),
    Example(
        "POST",
        f"{NOVA}/os-server-external-events",
        {"events": [{"name": "network-changed", "server_uuid": "{server}"}]},
    ),
    Example("PUT", f"{NOVA}/os-quota-sets/project-alice", {"quota_set": {"cores": 5}}),
    Example("PUT", f"{NOVA}/os-quota-class-sets/default", {"quota_class_set": {"cores": 5}}),
)
ACTIONS = tuple(
    Example("POST", f"{SERVER}/action", body)
    for body in (
        {"lock": {"locked_reason": "why"}},
        {"unlock": None},
        {"createImage": {"name": "i", "metadata": {"a": "b"}}},
        {"rebuild": {"imageRef": IMAGE, "name": "n", "adminPass": "p", "metadata": {"a": "b"}}},
        {"resize": {"flavorRef": "2"}},
        {"reboot": {"type": "SOFT"}},
        {"os-resetState": {"state": "active"}},
        {"rescue": {"adminPass": "p"}},
        {"changePassword": {"adminPass": "p"}},
        {"os-getConsoleOutput": {"length": 5}},
        {"addSecurityGroup": {"name": "default"}},
        {"os-migrateLive": {"host": None, "block_migration": "auto"}},
    )
)
NETWORKS = (
    Example("PUT", f"{NEUTRON}/quotas/project-alice", {"quota": {"network": 5}}),
    Example(
        "POST",
        f"{NEUTRON}/networks",
        {
            "network": {
                "name": "n",
                "admin_state_up": True,
                "shared": False,
                "mtu": 1400,
                "port_security_enabled": True,
                "description": "d",
            }
        },
        "own_network",
    ),
    Example("PUT", f"{NEUTRON}/networks/{{own_network}}", {"network": {"name": "m"}}),
    Example(
        "POST",
        f"{NEUTRON}/subnets",
        {
            "subnet": {
                "network_id": "{own_network}",
                "cidr": "10.5.0.0/24",
                "ip_version": 4,
                "gateway_ip": "10.5.0.1",
                "enable_dhcp": True,
                "allocation_pools": [{"start": "10.5.0.10", "end": "10.5.0.90"}],
                "dns_nameservers": ["9.9.9.9"],
                "host_routes": [{"destination": "10.6.0.0/24", "nexthop": "10.5.0.2"}],
                "name": "s",
            }
        },
        "own_subnet",
    ),
    Example(
        "PUT",
        f"{NEUTRON}/subnets/{{own_subnet}}",
        {"subnet": {"dns_nameservers": ["9.9.9.9"], "gateway_ip": None}},
    ),
    Example(
        "POST",
        f"{NEUTRON}/ports",
        {
            "port": {
                "network_id": "{own_network}",
                "name": "p",
                "fixed_ips": [{"subnet_id": "{own_subnet}", "ip_address": "10.5.0.20"}],
                "mac_address": "fa:16:3e:aa:bb:cc",
                "device_id": "d",
                "device_owner": "o",
                "admin_state_up": True,
                "allowed_address_pairs": [{"ip_address": "10.5.0.30"}],
                "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400"}],
            }
        },
        "own_port",
    ),
    Example(
        "PUT",
        f"{NEUTRON}/ports/{{own_port}}",
        {"port": {"fixed_ips": [{"subnet_id": "{own_subnet}"}], "name": "q"}},
    ),
    Example("PUT", f"{NEUTRON}/networks/{{own_network}}/tags", {"tags": ["a"]}),
    Example("POST", f"{NEUTRON}/networks", {"networks": [{"name": "a"}, {"name": "b"}]}),
    Example(
        "POST",
        f"{NEUTRON}/networks",
        {"network": {"provider:network_type": "flat", "provider:physical_network": "br7"}},
    ),
    Example(
        "POST",
        f"{NEUTRON}/subnetpools",
        {
            "subnetpool": {
                "prefixes": ["10.90.0.0/16", "10.92.0.0/16"],
                "default_prefixlen": 24,
                "min_prefixlen": 20,
                "max_prefixlen": 28,
                "default_quota": 100000,
            }
        },
        "own_pool",
    ),
    Example(
        "PUT", f"{NEUTRON}/subnetpools/{{own_pool}}", {"subnetpool": {"prefixes": ["10.88.0.0/13"]}}
    ),
    Example(
        "POST",
        f"{NEUTRON}/subnets",
        {
            "subnet": {
                "network_id": "{own_network}",
                "ip_version": 4,
                "subnetpool_id": "{own_pool}",
                "prefixlen": 26,
            }
        },
    ),
    Example(
        "POST",
        f"{NEUTRON}/subnets",
        {
            "subnet": {
                "network_id": "{own_network}",
                "ip_version": 6,
                "cidr": "fd00:80::/64",
                "ipv6_ra_mode": "slaac",
                "ipv6_address_mode": "slaac",
            }
        },
    ),
    Example("POST", f"{NEUTRON}/address-scopes", {"address_scope": {"ip_version": 4, "name": "s"}}),
    Example(
        "POST",
        f"{NEUTRON}/rbac-policies",
        {
            "rbac_policy": {
                "object_type": "network",
                "object_id": "{own_network}",
                "action": "access_as_shared",
                "target_tenant": "project-bob",
            }
        },
    ),
)
VOLUME = f"{CINDER}/volumes/{{volume}}"
VOLUMES = (
    Example("PUT", f"{CINDER}/os-quota-sets/project-alice", {"quota_set": {"volumes": 5}}),
    Example(
        "POST",
        f"{CINDER}/volumes",
        {
            "volume": {
                "size": 1,
                "name": "v",
                "description": "d",
                "metadata": {"a": "b"},
                "availability_zone": "nova",
                "multiattach": False,
            }
        },
        "volume",
    ),
    Example("PUT", VOLUME, {"volume": {"name": "w", "metadata": {"a": "c"}}}),
    Example("POST", f"{VOLUME}/metadata", {"metadata": {"k": "v"}}),
    Example("PUT", f"{VOLUME}/metadata/k", {"meta": {"k": "v"}}),
    Example(
        "POST",
        f"{CINDER}/snapshots",
        {"snapshot": {"volume_id": "{volume}", "name": "s", "metadata": {}}},
        "snapshot",
    ),
    Example("PUT", f"{CINDER}/snapshots/{{snapshot}}", {"snapshot": {"name": "t"}}),
    Example("POST", f"{VOLUME}/action", {"os-extend": {"new_size": 2}}),
    Example("POST", f"{VOLUME}/action", {"os-reset_status": {"status": "available"}}),
    Example("POST", f"{VOLUME}/action", {"os-set_bootable": {"bootable": True}}),
    Example("POST", f"{VOLUME}/action", {"os-set_image_metadata": {"metadata": {"a": "b"}}}),
    Example(
        "POST",
        f"{CINDER}/attachments",
        {
            "attachment": {
                "volume_uuid": "{volume}",
                "instance_uuid": "{server}",
                "connector": {"host": "h"},
            }
        },
    ),
    Example("POST", f"{CINDER}/volumes", {"volume": {"size": 1}}, "other_volume"),
    Example(
        "POST",
        f"{CINDER}/volume-transfers",
        {"transfer": {"volume_id": "{other_volume}", "name": "t"}},
    ),
)
EXAMPLES = (*COMPUTE, *NETWORKS, *VOLUMES)
