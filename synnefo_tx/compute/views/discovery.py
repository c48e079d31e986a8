"""
What the compute API says of itself.  Pure.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.http.microversions import Version, text

Json = dict[str, Any]

# alias -> (name, description); only what is served here, with Nova's words
EXTENSIONS = {
    "os-availability-zone": ("AvailabilityZone", "Add availability_zone to the server info."),
    "os-attach-interfaces": ("AttachInterfaces", "Attach interface support."),
    "os-config-drive": ("ConfigDrive", "Config Drive Extension."),
    "os-console-output": ("ConsoleOutput", "Console log output support, with tailing ability."),
    "os-extended-availability-zone": (
        "ExtendedAvailabilityZone",
        "Extended Availability Zone support.",
    ),
    "os-extended-status": ("ExtendedStatus", "Extended Status support."),
    "os-flavor-extra-specs": ("FlavorExtraSpecs", "Flavors extra specs support."),
    "os-flavor-manage": ("FlavorManage", "Flavor create/delete API support."),
    "os-keypairs": ("Keypairs", "Keypair Support."),
    "os-multiple-create": (
        "MultipleCreate",
        "Allow multiple create in the Create Server v2.1 API.",
    ),
    "os-quota-class-sets": ("QuotaClasses", "Quota classes management support."),
    "os-quota-sets": ("Quotas", "Quotas management support."),
    "os-simple-tenant-usage": ("SimpleTenantUsage", "Simple tenant usage extension."),
    "os-server-start-stop": ("ServerStartStop", "Start/Stop instance compute API support."),
    "os-server-usage": ("ServerUsage", "Adds launched_at and terminated_at on Servers."),
    "os-admin-actions": ("AdminActions", "Enable admin-only server actions"),
    "os-admin-password": ("AdminPassword", "Admin password management support."),
    "os-create-backup": ("CreateBackup", "Create a backup of a server."),
    "os-deferred-delete": ("DeferredDelete", "Instance deferred delete."),
    "os-instance-actions": (
        "InstanceActions",
        "View a log of actions and events taken on an instance.",
    ),
    "os-lock-server": ("LockServer", "Enable lock/unlock server actions."),
    "os-pause-server": ("PauseServer", "Enable pause/unpause server actions."),
    "os-remote-consoles": ("Consoles", "Interactive Console support."),
    "os-rescue": ("Rescue", "Instance rescue mode."),
    "os-server-diagnostics": (
        "ServerDiagnostics",
        "Allow Admins to view server diagnostics through server action.",
    ),
    "os-server-external-events": ("ServerExternalEvents", "Server External Event Triggers."),
    "os-server-password": ("ServerPassword", "Server password support."),
    "os-shelve": ("Shelve", "Instance shelve mode."),
    "os-suspend-server": ("SuspendServer", "Enable suspend/resume server actions."),
    "os-user-data": ("UserData", "Add user_data to the Create Server API."),
}


def version(base: str, minimum: Version, maximum: Version) -> Json:
    """
    v2.1 in the list of versions.
    """
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": text(maximum),
        "min_version": text(minimum),
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{base}/v2.1/"}],
    }


def version_alone(base: str, minimum: Version, maximum: Version) -> Json:
    """
    v2.1's own document.
    """
    described = {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}
    view = version(base, minimum, maximum)
    view["links"].append(described)
    view["media-types"] = [
        {
            "base": "application/json",
            "type": "application/vnd.openstack.compute+json;version=2.1",
        }
    ]
    return {"version": view}


def extension(alias: str) -> Json:
    """
    One of EXTENSIONS.
    """
    name, description = EXTENSIONS[alias]
    return {
        "alias": alias,
        "description": description,
        "links": [],
        "name": name,
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
    }
