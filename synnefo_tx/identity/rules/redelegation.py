"""
How often, and how far, a trust may be handed on.

Source: Keystone's keystone/trust/core.py, release 2026.1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from synnefo_tx.errors import BadRequest, Forbidden

LONGEST = 3  # Keystone's [trust] max_redelegation_count
Thing = Mapping[str, Any]


def first_count(given: Thing) -> int | None:
    """
    How often a new trust may be handed on, as its maker asks; None: as often as can be.

    Raises BadRequest and Forbidden.
    """
    asked, uses = given.get("redelegation_count"), given.get("remaining_uses")
    if not given.get("allow_redelegation") or asked == 0:
        return 0
    if asked is not None and asked > LONGEST:
        raise Forbidden(
            f"Requested redelegation depth of {asked} is greater than allowed {LONGEST}"
        )
    if uses is not None:
        raise BadRequest("remaining_uses must not be set if redelegation is allowed")
    return None if asked is None else int(asked)


def handed_on(
    parent: Thing, parent_roles: Collection[str], trust: Thing, role_ids: Collection[str]
) -> dict[str, Any]:
    """
    `trust` as it is when it hands `parent` on: no longer, no further, with no more roles, on the
    same project.  Raises Forbidden.

    parent_roles: ids, those implied too.  trust: redelegation_count None is as often as can be.
    """
    depth = parent["redelegation_count"]
    if not 0 < depth <= LONGEST:
        raise Forbidden(
            f"Remaining redelegation depth of {depth} out of allowed range of [0..{LONGEST}]"
        )
    if trust["remaining_uses"] is not None:
        raise Forbidden(
            f'Field "remaining_uses" is set to {trust["remaining_uses"]} while it must not be set '
            "in order to redelegate a trust"
        )
    if trust["redelegation_count"] not in (None, 0, depth - 1):
        raise Forbidden(
            'Modifying "redelegation_count" upon redelegation is forbidden. Omitting this '
            "parameter is advised."
        )
    if trust["project_id"] != parent["project_id"] or not set(role_ids) <= set(parent_roles):
        raise Forbidden("Some of requested roles are not in redelegated trust")
    if trust["impersonation"] and not parent["impersonation"]:
        raise Forbidden(
            "Impersonation is not allowed because redelegated trust does not specify "
            f"impersonation. Redelegated trust id: {parent['id']}"
        )
    count = depth - 1 if trust["redelegation_count"] is None else trust["redelegation_count"]
    return dict(trust) | {"redelegation_count": count, "expires_at": _end(parent, trust)}


def _end(parent: Thing, trust: Thing) -> int | None:
    last, wanted = parent["expires_at"], trust["expires_at"]
    if wanted is None or last is None:
        return last if wanted is None else int(wanted)
    if wanted > last:
        raise Forbidden("Requested expiration time is more than redelegated trust can provide")
    return int(wanted)
