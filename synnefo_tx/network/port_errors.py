"""
What the network API refuses of ports and their addresses, with Neutron's names and texts.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx import errors


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


class InvalidSubnet(errors.BadRequest):
    """
    A subnet of another network, or none.
    """

    neutron_type = "InvalidInput"

    def __init__(self, network_id: str, subnet_id: str) -> None:
        super().__init__(
            f"Invalid input for operation: Failed to create port on network {network_id}, because "
            f"fixed_ips included invalid subnet {subnet_id}."
        )


class InvalidAddressForSubnet(errors.BadRequest):
    """
    The address does not lie in the subnet, or nobody may have it.
    """

    neutron_type = "InvalidIpForSubnet"

    def __init__(self, address: str) -> None:
        super().__init__(f"IP address {address} is not a valid IP for the specified subnet.")


class AutomaticSubnet(errors.BadRequest):
    """
    Guests make their own addresses in this subnet.
    """

    neutron_type = "AllocationOnAutoAddressSubnet"

    def __init__(self, address: str, subnet_id: str) -> None:
        super().__init__(
            f"IPv6 address {address} cannot be directly assigned to a port on subnet {subnet_id} "
            "as the subnet is configured for automatic addresses"
        )


class MacInUse(errors.Conflict):
    """
    Somebody has this hardware address.
    """

    neutron_type = "MacAddressInUse"

    def __init__(self, network_id: str, mac: str) -> None:
        super().__init__(
            f"Unable to complete operation for network {network_id}. The mac address {mac} is in "
            "use."
        )


class NoMoreMacs(errors.Unavailable):
    """
    None was free in several tries.
    """

    neutron_type = "MacAddressGenerationFailure"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"Unable to generate unique mac on network {network_id}.")


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


class ServicePortInUse(errors.Conflict):
    """
    The port belongs to a router or another service.
    """

    neutron_type = "ServicePortInUse"

    def __init__(self, port_id: str, owner: str) -> None:
        super().__init__(
            f"Port {port_id} cannot be deleted directly via the port API: has device owner {owner}."
        )


class PortInUse(errors.Conflict):
    """
    A server has the port: it is unplugged by the compute service.
    """

    neutron_type = "PortInUse"

    def __init__(self, port: Any) -> None:
        super().__init__(
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}."
        )


class PairsNeedSecurity(errors.Conflict):
    """
    Further addresses mean nothing where none is checked.
    """

    neutron_type = "AddressPairAndPortSecurityRequired"

    def __init__(self) -> None:
        super().__init__(
            "Port Security must be enabled in order to have allowed address pairs on a port."
        )
