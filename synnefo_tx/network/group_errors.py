"""
What is refused of security groups, with Neutron's names and texts.

Source: Neutron's and neutron-lib's exceptions of security groups and port security.
"""

from __future__ import annotations

from synnefo_tx import errors


class SecurityGroupNotFound(errors.NotFound):
    """
    No such group, or not the caller's to see.
    """

    neutron_type = "SecurityGroupNotFound"

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Security group {group_id} does not exist.")


class SecurityGroupRuleNotFound(errors.NotFound):
    """
    No such rule, or not the caller's to see.
    """

    neutron_type = "SecurityGroupRuleNotFound"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"Security group rule {rule_id} does not exist.")


class SecurityGroupInUse(errors.Conflict):
    """
    Ports are in it.
    """

    neutron_type = "SecurityGroupInUse"

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Security Group {group_id} in use.")


class CannotRemoveDefault(errors.Conflict):
    """
    A project's default group stays.
    """

    neutron_type = "SecurityGroupCannotRemoveDefault"

    def __init__(self) -> None:
        super().__init__("Insufficient rights for removing default security group.")


class CannotUpdateDefault(errors.Conflict):
    """
    A project's default group keeps its name.
    """

    neutron_type = "SecurityGroupCannotUpdateDefault"

    def __init__(self) -> None:
        super().__init__("Updating default security group not allowed.")


class DefaultExists(errors.Conflict):
    """
    No other group is called so.
    """

    neutron_type = "SecurityGroupDefaultAlreadyExists"

    def __init__(self) -> None:
        super().__init__("Default security group already exists.")


class RuleExists(errors.Conflict):
    """
    The group says so already.
    """

    neutron_type = "SecurityGroupRuleExists"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"Security group rule already exists. Rule id is {rule_id}.")


class InvalidRule(errors.BadRequest):
    """
    Parts of a rule that don't go together.
    """

    neutron_type = "InvalidInput"


class PortHasGroups(errors.Conflict):
    """
    Port security can't go while groups are there.
    """

    neutron_type = "PortSecurityPortHasSecurityGroup"

    def __init__(self) -> None:
        super().__init__(
            "Port has security group associated. Cannot disable port security or IP address until "
            "security group is removed."
        )


class GroupsNeedSecurity(errors.BadRequest):
    """
    Groups mean nothing where nothing is checked.
    """

    neutron_type = "PortSecurityAndIPRequiredForSecurityGroups"

    def __init__(self) -> None:
        super().__init__(
            "Port security must be enabled and port must have an IP address in order to use "
            "security groups."
        )
