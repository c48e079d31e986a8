"""
What the network API says of itself.  Pure.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

# name in v2.0's document -> its collection
SERVED = ("network", "subnet", "port")


def _extension(alias: str, name: str, description: str, updated: str) -> Json:
    return {
        "name": name,
        "alias": alias,
        "description": description,
        "updated": updated,
        "links": [],
    }


# Only what holds here; names and texts are Neutron's.
EXTENSIONS = (
    _extension(
        "external-net",
        "Neutron external network",
        "Adds external network attribute to network resource.",
        "2013-01-14T10:00:00-00:00",
    ),
    _extension(
        "net-mtu",
        "Network MTU",
        "Provides MTU attribute for a network resource.",
        "2015-03-25T10:00:00-00:00",
    ),
    _extension(
        "pagination",
        "Pagination support",
        "Extension that indicates that pagination is enabled.",
        "2016-06-12T00:00:00-00:00",
    ),
    _extension(
        "project-id",
        "project_id field enabled",
        "Extension that indicates that project_id field is enabled.",
        "2016-09-09T09:09:09-09:09",
    ),
    _extension(
        "quota_details",
        "Quota details management support",
        "Expose functions for quotas usage statistics per project",
        "2017-02-10T10:00:00-00:00",
    ),
    _extension(
        "quotas",
        "Quota management support",
        "Expose functions for quotas management per project",
        "2012-07-29T10:00:00-00:00",
    ),
    _extension(
        "sorting",
        "Sorting support",
        "Extension that indicates that sorting is enabled.",
        "2016-06-12T00:00:00-00:00",
    ),
    _extension(
        "standard-attr-timestamp",
        "Resource timestamps",
        "Adds created_at and updated_at fields to all Neutron resources that have Neutron "
        "standard attributes.",
        "2016-09-12T10:00:00-00:00",
    ),
)


def versions(base: str) -> Json:
    """
    The list of versions, at the service's root.
    """
    link = {"rel": "self", "href": f"{base}/v2.0/"}
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]}


def resources(base: str) -> Json:
    """
    The list of resources, at v2.0's root.
    """
    return {
        "resources": [
            {
                "links": [{"href": f"{base}/v2.0/{name}s", "rel": "self"}],
                "name": name,
                "collection": f"{name}s",
            }
            for name in SERVED
        ]
    }
