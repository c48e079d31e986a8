"""
What the network API refuses of subnet pools, address scopes and RBAC policies, with Neutron's names
and texts.
"""

from __future__ import annotations

from synnefo_tx import errors


class SubnetPoolNotFound(errors.NotFound):
    """
    No such pool, or not the caller's to see.
    """

    neutron_type = "SubnetPoolNotFound"

    def __init__(self, pool_id: str) -> None:
        super().__init__(f"Subnet pool {pool_id} could not be found.")


class AddressScopeNotFound(errors.NotFound):
    """
    No such scope, or not the caller's to see.
    """

    neutron_type = "AddressScopeNotFound"

    def __init__(self, scope_id: str) -> None:
        super().__init__(f"Address scope {scope_id} could not be found.")


class EmptyPrefixes(errors.BadRequest):
    """
    A pool of nothing.
    """

    neutron_type = "EmptySubnetPoolPrefixList"

    def __init__(self) -> None:
        super().__init__("Empty subnet pool prefix list.")


class PrefixVersions(errors.BadRequest):
    """
    Blocks of both versions in one pool.
    """

    neutron_type = "PrefixVersionMismatch"

    def __init__(self) -> None:
        super().__init__("Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")


class PrefixBounds(errors.BadRequest):
    """
    Lengths of prefixes that can't be together.
    """

    neutron_type = "IllegalSubnetPoolPrefixBounds"

    def __init__(self, name: str, length: int, base: str, base_length: int) -> None:
        super().__init__(f"Illegal prefix bounds: {name}={length}, {base}={base_length}.")


class PrefixUpdate(errors.BadRequest):
    """
    A pool would lose blocks.
    """

    neutron_type = "IllegalSubnetPoolPrefixUpdate"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Illegal update to prefixes: {reason}.")


class PrefixTooShort(errors.BadRequest):
    """
    A larger block than the pool gives.
    """

    neutron_type = "MinPrefixSubnetAllocationError"

    def __init__(self, length: int, least: int) -> None:
        super().__init__(
            f"Unable to allocate subnet with prefix length {length}, minimum allowed prefix is "
            f"{least}."
        )


class PrefixTooLong(errors.BadRequest):
    """
    A smaller block than the pool gives.
    """

    neutron_type = "MaxPrefixSubnetAllocationError"

    def __init__(self, length: int, most: int) -> None:
        super().__init__(
            f"Unable to allocate subnet with prefix length {length}, maximum allowed prefix is "
            f"{most}."
        )


class NoRoom(errors.Conflict):
    """
    The pool has no such block free.  Neutron lets this be a 500.
    """

    neutron_type = "SubnetAllocationError"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Failed to allocate subnet: {reason}.")


class PoolQuota(errors.OverQuota):
    """
    The project has its share of the pool.
    """

    neutron_type = "SubnetPoolQuotaExceeded"

    def __init__(self) -> None:
        super().__init__("Per-tenant subnet pool prefix quota exceeded.")


class PoolInUse(errors.BadRequest):
    """
    Subnets have blocks of it.
    """

    neutron_type = "SubnetPoolDeleteError"

    def __init__(self) -> None:
        super().__init__("Unable to delete subnet pool: Subnet pool has existing allocations.")


class ScopeVersion(errors.BadRequest):
    """
    A scope of the other version.
    """

    neutron_type = "IllegalSubnetPoolIpVersionAssociationToAddressScope"

    def __init__(self, scope_id: str, version: int) -> None:
        super().__init__(
            "Illegal subnetpool association: subnetpool cannot associate with address scope "
            f"{scope_id} because subnetpool ip_version is not {version}."
        )


class ScopeUpdate(errors.BadRequest):
    """
    What is shared stays so.
    """

    neutron_type = "AddressScopeUpdateError"

    def __init__(self, scope_id: str) -> None:
        super().__init__(
            f"Unable to update address scope {scope_id} : Shared address scope can't be unshared."
        )


class ScopeInUse(errors.Conflict):
    """
    Pools are in it.
    """

    neutron_type = "AddressScopeInUse"

    def __init__(self, scope_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on address scope {scope_id}. There are one or more "
            "subnet pools in use on the address scope."
        )


class RbacPolicyNotFound(errors.NotFound):
    """
    No such policy, or not the caller's to see.
    """

    neutron_type = "RbacPolicyNotFound"

    def __init__(self, policy_id: str) -> None:
        super().__init__(f"RBAC policy with ID {policy_id} not found.")


class DuplicateRbac(errors.Conflict):
    """
    There is one that says the same.
    """

    neutron_type = "DuplicateRbacPolicy"

    def __init__(self) -> None:
        super().__init__("An RBAC policy already exists with those values.")


class RbacInUse(errors.Conflict):
    """
    What it allows is made use of.
    """

    neutron_type = "RbacPolicyInUse"

    def __init__(self, network_id: str) -> None:
        super().__init__(
            f"RBAC policy on object {network_id} cannot be removed because other objects depend "
            f"on it.\nDetails: Unable to reconfigure sharing settings for network {network_id}. "
            "Multiple tenants are using it."
        )
