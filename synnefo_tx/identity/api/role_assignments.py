"""
/v3/role_assignments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.listing import collection, flag
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.model import Assignment
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.assignment_lists import Wanted, list_assignments
from synnefo_tx.identity.rows.effective import SYSTEM
from synnefo_tx.identity.rows.effective_lists import list_effective
from synnefo_tx.identity.rows.kinds import PROJECT
from synnefo_tx.identity.views.accounts import assignment_view

EXCLUSIVE = (
    ("scope.domain.id", "scope.project.id", "Specify a domain or project, not both"),
    ("scope.domain.id", "scope.system", "Specify system or domain, not both"),
    ("scope.project.id", "scope.system", "Specify system or project, not both"),
    ("user.id", "group.id", "Specify a user or group, not both"),
)


def add_routes(router: Router, context: Context) -> None:
    @router.route("GET", "/v3/role_assignments", "identity:list_role_assignments")
    async def index(call: Call) -> Reply:
        given = dict(call.queries())
        for one, other, complaint in EXCLUSIVE:
            if given.get(one) and given.get(other):
                raise BadRequest(complaint)
        wanted = _wanted(given)
        if flag(call, "include_subtree"):
            wanted = await _for_tree(context, call, wanted)
        else:
            target = Target(domain_id=call.token.domain_id)
            enforce(call, "identity:list_role_assignments", target)
            wanted = evolve(wanted, within=call.token.domain_id or None)
        found = await _found(context, call, wanted)
        names = flag(call, "include_names")
        views = [assignment_view(one, v3(call), names) for one in found]
        return collection(call, "role_assignments", views, False)


async def _for_tree(context: Context, call: Call, wanted: Wanted) -> Wanted:
    """
    The same with the projects below.
    """
    project = None
    if wanted.target_kind == "project":
        project = await context.database.read(things.find, PROJECT, wanted.target_id)
    domain_id = project["domain_id"] if project else None
    enforce(call, "identity:list_role_assignments_for_tree", Target(domain_id=domain_id))
    if wanted.target_kind != "project":
        raise BadRequest("scope.project.id must be specified if include_subtree is also specified")
    if project is None:
        raise AccountNotFound("project", wanted.target_id)
    return evolve(wanted, tree=True)


async def _found(context: Context, call: Call, wanted: Wanted) -> Sequence[Assignment]:
    if not flag(call, "effective"):
        return await context.database.read(list_assignments, wanted)
    if wanted.group_id:
        raise BadRequest(
            "Combining effective and group filter will always result in an empty list."
        )
    if wanted.inherited and wanted.target_kind == "domain":
        raise BadRequest(
            "Combining effective, domain and inherited filters will always result in an empty list."
        )
    return await context.database.read(list_effective, wanted)


def _wanted(given: Mapping[str, str]) -> Wanted:
    kind, target = "", ""
    for name in ("project", "domain"):
        if given.get(f"scope.{name}.id"):
            kind, target = name, given[f"scope.{name}.id"]
    if given.get("scope.system"):
        kind, target = "system", SYSTEM
    inherited = given.get("scope.OS-INHERIT:inherited_to") == "projects" or None
    return Wanted(
        given.get("user.id"), given.get("group.id"), kind, target, given.get("role.id"), inherited
    )
