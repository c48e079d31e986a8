"""
Changes of the configuration: each is durable as a whole, and says all that it needs.
"""

from __future__ import annotations

from attrs import frozen

from ganetid.cluster.things import (
    ClusterFacts,
    Debris,
    FilterRule,
    Group,
    Instance,
    Member,
    Network,
)
from ganetid.cluster.wiring import Router, SecurityGroup


@frozen
class PutInstance:
    """Change: the instance is now so."""

    instance: Instance


@frozen
class DropInstance:
    """Change: no instance of this name."""

    name: str


@frozen
class PutNetwork:
    """Change: the network is now so."""

    network: Network


@frozen
class DropNetwork:
    """Change: no network of this name."""

    name: str


@frozen
class PutSecurityGroup:
    """Change: the security group is now so."""

    group: SecurityGroup


@frozen
class DropSecurityGroup:
    """Change: no security group of this name."""

    name: str


@frozen
class PutRouter:
    """Change: the router is now so."""

    router: Router


@frozen
class DropRouter:
    """Change: no router of this name."""

    name: str


@frozen
class PutMember:
    """Change: the node is now so."""

    member: Member


@frozen
class DropMember:
    """Change: no node of this name."""

    name: str


@frozen
class PutGroup:
    """Change: the group is now so."""

    group: Group


@frozen
class DropGroup:
    """Change: no group of this name."""

    name: str


@frozen
class PutFacts:
    """Change: the cluster's own facts (tags, boot id)."""

    facts: ClusterFacts


@frozen
class AddDebris:
    """Change: this is still to be removed."""

    debris: Debris


@frozen
class DropDebris:
    """Change: this was removed."""

    debris: Debris


@frozen
class PutFilter:
    """Change: the job queue has this rule."""

    rule: FilterRule


@frozen
class DropFilter:
    """Change: the job queue has no such rule."""

    uuid: str


Change = (
    PutInstance
    | DropInstance
    | PutNetwork
    | DropNetwork
    | PutSecurityGroup
    | DropSecurityGroup
    | PutRouter
    | DropRouter
    | PutMember
    | DropMember
    | PutGroup
    | DropGroup
    | PutFacts
    | AddDebris
    | DropDebris
    | PutFilter
    | DropFilter
)
