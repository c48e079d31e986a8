"""
What the network API refuses, with Neutron's names and texts.
"""

from __future__ import annotations

from synnefo_tx import errors


class NetworkNotFound(errors.NotFound):
    """
    No such network, or not the caller's to see.
    """

    neutron_type = "NetworkNotFound"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"Network {network_id} could not be found.")


class SubnetNotFound(errors.NotFound):
    """
    No such subnet, or not the caller's to see.
    """

    neutron_type = "SubnetNotFound"

    def __init__(self, subnet_id: str) -> None:
        super().__init__(f"Subnet {subnet_id} could not be found.")


class PortNotFound(errors.NotFound):
    """
    No such port, or not the caller's to see.
    """

    neutron_type = "PortNotFound"

    def __init__(self, port_id: str) -> None:
        super().__init__(f"Port {port_id} could not be found.")


class ExtensionNotFound(errors.NotFound):
    """
    An extension that this service does not have.
    """

    neutron_type = "HTTPNotFound"

    def __init__(self, alias: str) -> None:
        super().__init__(f"Extension with alias {alias} does not exist")


class InvalidLimit(errors.BadRequest):
    """
    A page size that is no whole number, 0 or more.
    """

    neutron_type = "BadRequest"

    def __init__(self, limit: str) -> None:
        super().__init__(
            f"Bad limit request: Limit must be an integer 0 or greater and not '{limit}'."
        )


class InvalidValue(errors.BadRequest):
    """
    A value of the wrong kind.
    """

    neutron_type = "InvalidInput"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid input for operation: {reason}.")


class InvalidQuery(errors.BadRequest):
    """
    A query that can't be answered.
    """

    neutron_type = "HTTPBadRequest"


class PolicyNotAuthorized(errors.Forbidden):
    """
    The caller's roles don't allow this.
    """

    neutron_type = "PolicyNotAuthorized"

    def __init__(self, action: str) -> None:
        super().__init__(f"rule:{action} is disallowed by policy")

    @classmethod
    def of_attribute(cls, action: str, name: str) -> PolicyNotAuthorized:
        """
        What is said of one attribute.
        """
        refused = cls(action)
        refused.args = (f"(rule:{action} and rule:{action}:{name}) is disallowed by policy",)
        return refused


class NotValid(errors.BadRequest):
    """
    An attribute's value, in Neutron's words of why not.
    """

    neutron_type = "HTTPBadRequest"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Invalid input for {name}. Reason: {reason}.")


class OverQuota(errors.OverQuota):
    """
    The project may have no more of these (Neutron's names).
    """

    neutron_type = "OverQuota"

    def __init__(self, *names: str) -> None:
        super().__init__(f"Quota exceeded for resources: {list(names)}.")


class RevisionMismatch(errors.PreconditionFailed):
    """
    The thing has changed since the caller looked at it.
    """

    neutron_type = "RevisionNumberConstraintFailed"

    def __init__(self, wanted: int, current: int) -> None:
        super().__init__(f"Constrained to {wanted}, but current revision is {current}")


class NetworkInUse(errors.Conflict):
    """
    There are ports on it.
    """

    neutron_type = "NetworkInUse"

    def __init__(self, network_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on network {network_id}. There are one or more ports "
            "still in use on the network."
        )


class SubnetInUse(errors.Conflict):
    """
    Ports have addresses of it.
    """

    neutron_type = "SubnetInUse"

    def __init__(self, subnet_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on subnet {subnet_id}: One or more ports have an IP "
            "allocation from this subnet."
        )


class InvalidSharedSetting(errors.Conflict):
    """
    Other projects have ports on it.
    """

    neutron_type = "InvalidSharedSetting"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Unable to reconfigure sharing settings for network {name}. Multiple tenants are "
            "using it."
        )


class GatewayInPool(errors.Conflict):
    """
    A pool would give the gateway's address away.
    """

    neutron_type = "GatewayConflictWithAllocationPools"

    def __init__(self, gateway: str, pool: str) -> None:
        super().__init__(f"Gateway ip {gateway} conflicts with allocation pool {pool}.")


class PoolOutside(errors.BadRequest):
    """
    A pool of addresses that the subnet has not.
    """

    neutron_type = "OutOfBoundsAllocationPool"

    def __init__(self, pool: str, cidr: str) -> None:
        super().__init__(f"The allocation pool {pool} spans beyond the subnet cidr {cidr}.")


class PoolBackwards(errors.BadRequest):
    """
    A pool that ends before it begins, or of no addresses.
    """

    neutron_type = "InvalidAllocationPool"

    def __init__(self, pool: str) -> None:
        super().__init__(f"The allocation pool {pool} is not valid.")


class PoolsOverlap(errors.Conflict):
    """
    Two pools of one subnet have an address.
    """

    neutron_type = "OverlappingAllocationPools"

    def __init__(self, one: str, other: str, cidr: str) -> None:
        super().__init__(f"Found overlapping allocation pools: {one} {other} for subnet {cidr}.")


class TagNotFound(errors.NotFound):
    """
    The thing has no such tag.
    """

    neutron_type = "TagNotFound"

    def __init__(self, tag: str) -> None:
        super().__init__(f"Tag {tag} could not be found.")


class FlatInUse(errors.Conflict):
    """
    Another network is on this bridge.
    """

    neutron_type = "FlatNetworkInUse"

    def __init__(self, bridge: str) -> None:
        super().__init__(f"Unable to create the flat network. Physical network {bridge} is in use.")


class SegmentInUse(errors.Conflict):
    """
    Another network has this number.
    """

    neutron_type = "TunnelIdInUse"

    def __init__(self, segment: int) -> None:
        super().__init__(f"Unable to create the network. The tunnel ID {segment} is in use.")


class NoMoreSegments(errors.Unavailable):
    """
    None was free in several tries.
    """

    neutron_type = "NoNetworkAvailable"

    def __init__(self) -> None:
        super().__init__("Unable to create the network. No tenant network is available.")


class BadSubnets(errors.BadRequest):
    """
    A subnet that can't be made of what is said.
    """

    neutron_type = "BadRequest"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Bad subnets request: {reason}.")
