"""
Which options a domain may keep of its own, and what changes of them are well formed.

Source: Keystone's keystone/resource/core.py and keystone/conf/ldap.py, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synnefo_tx.errors import Forbidden, NotFound
from synnefo_tx.identity.compliance import SecurityCompliance

Config = Mapping[str, Mapping[str, Any]]  # by group and option

_LDAP: dict[str, Any] = {
    "url": "ldap://localhost",
    "suffix": "cn=example,cn=com",
    "query_scope": "one",
    "page_size": 0,
    "alias_dereferencing": "default",
    "user_objectclass": "inetOrgPerson",
    "user_id_attribute": "cn",
    "user_name_attribute": "sn",
    "user_mail_attribute": "mail",
    "user_description_attribute": "description",
    "user_pass_attribute": "userPassword",
    "user_enabled_attribute": "enabled",
    "user_enabled_invert": False,
    "user_enabled_mask": 0,
    "user_enabled_default": "True",
    "user_attribute_ignore": ["default_project_id"],
    "user_enabled_emulation": False,
    "user_enabled_emulation_use_group_config": False,
    "user_additional_attribute_mapping": [],
    "group_objectclass": "groupOfNames",
    "group_id_attribute": "cn",
    "group_name_attribute": "ou",
    "group_members_are_ids": False,
    "group_member_attribute": "member",
    "group_desc_attribute": "description",
    "group_attribute_ignore": [],
    "group_additional_attribute_mapping": [],
    "use_tls": False,
    "tls_req_cert": "demand",
    "use_pool": True,
    "pool_size": 10,
    "pool_retry_max": 3,
    "pool_retry_delay": 0.1,
    "pool_connection_timeout": -1,
    "pool_connection_lifetime": 600,
    "use_auth_pool": True,
    "auth_pool_size": 100,
    "auth_pool_connection_lifetime": 60,
}
_WITHOUT_DEFAULT = (
    "user",
    "debug_level",
    "chase_referrals",
    "user_tree_dn",
    "user_filter",
    "user_default_project_id_attribute",
    "user_enabled_emulation_dn",
    "group_tree_dn",
    "group_filter",
    "tls_cacertfile",
    "tls_cacertdir",
)
DEFAULTS: dict[str, dict[str, Any]] = {
    "identity": {"driver": "sql", "list_limit": None},
    "ldap": _LDAP | dict.fromkeys(_WITHOUT_DEFAULT),
}
DEFAULT_DOMAIN = "default"
COMPLIANCE = "security_compliance"  # a group that is read alone, of the default domain
READABLE = ("password_regex", "password_regex_description")
SECRET = {("ldap", "password")}  # may be set, is never told


class InvalidDomainConfig(Forbidden):
    """
    Options that no domain may have, or that were not given as they must be.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid domain specific configuration: {reason}.")


class DomainConfigNotFound(NotFound):
    """
    The domain has nothing of its own there.
    """

    def __init__(self, domain_id: str, group: str | None, option: str | None) -> None:
        what = f"group {group}" if group else "any options"
        if option:
            what = f"option {option} in group {group}"
        super().__init__(f"Could not find {what} in domain configuration for domain {domain_id}.")


def check_place(group: str | None, option: str | None) -> None:
    """
    Raises InvalidDomainConfig unless a domain may have this group, and this option in it.
    """
    if group and group not in DEFAULTS:
        raise InvalidDomainConfig(
            f"Group {group} is not supported for domain specific configurations"
        )
    if group and option and option not in DEFAULTS[group] and (group, option) not in SECRET:
        raise InvalidDomainConfig(
            f"Option {option} in group {group} is not supported for domain specific configurations"
        )


def checked(config: object) -> Config:
    """
    The body's "config", if it is one.  Raises InvalidDomainConfig.
    """
    if not isinstance(config, dict) or not config:
        raise InvalidDomainConfig("No options specified")
    for group, options in config.items():
        if not isinstance(options, dict) or not options:
            raise InvalidDomainConfig(
                f"The value of group {group} specified in the config should be a dictionary of "
                "options"
            )
        for option in options:
            check_place(group, option)
    return config


def checked_change(config: object, group: str | None, option: str | None) -> Config:
    """
    The same, for a change of that group or option alone.
    """
    if group and option:
        config = {group: config}
    whole = checked(config)
    check_place(group, option)
    if not group:
        return whole
    if option and (len(whole) != 1 or set(whole.get(group, ())) != {option}):
        raise InvalidDomainConfig(
            f"Trying to update option {option} in group {group}, so that, and only that, option "
            "must be specified  in the config"
        )
    if set(whole) != {group}:
        raise InvalidDomainConfig(
            f"Trying to update group {group}, so that, and only that, group must be specified in "
            "the config"
        )
    return whole


def default(group: str | None, option: str | None) -> Mapping[str, Any]:
    """
    What holds where a domain has nothing of its own.  Raises InvalidDomainConfig.
    """
    check_place(group, option)
    if group is None:
        return DEFAULTS
    if option is None:
        return {group: DEFAULTS[group]}
    if (group, option) in SECRET:
        raise InvalidDomainConfig(
            f"Reading the default for option {option} in group {group} is not supported"
        )
    return {option: DEFAULTS[group][option]}


def compliance(policy: SecurityCompliance, domain_id: str, option: str | None) -> Mapping[str, Any]:
    """
    What everybody may know of the rules of passwords.  Raises InvalidDomainConfig.
    """
    if domain_id != DEFAULT_DOMAIN:
        raise InvalidDomainConfig(
            "Reading security compliance information for any domain other than the default domain "
            "is not allowed or supported."
        )
    if option and option not in READABLE:
        raise InvalidDomainConfig(
            "Reading security compliance values other than password_regex and "
            "password_regex_description is not allowed."
        )
    told = {name: getattr(policy, name) for name in READABLE}
    return {option: told[option]} if option else {COMPLIANCE: told}
