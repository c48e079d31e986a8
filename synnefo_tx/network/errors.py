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


class NoMoreAddresses(errors.Conflict):
    """
    The subnet's pool is used up.
    """

    neutron_type = "IpAddressGenerationFailure"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"No more IP addresses available on network {network_id}.")


class AddressInUse(errors.Conflict):
    """
    Somebody has this address.
    """

    neutron_type = "IpAddressInUse"

    def __init__(self, address: str, network_id: str) -> None:
        super().__init__(
            f"Unable to complete operation for network {network_id}. The IP address {address} is "
            "in use."
        )


class InvalidAddress(errors.BadRequest):
    """
    The address lies in none of the network's subnets.
    """

    neutron_type = "InvalidIpForNetwork"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"IP address {address} is not a valid IP for any of the subnets on the specified "
            "network."
        )
