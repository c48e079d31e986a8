"""
Roles of users and groups on projects, domains and the system, and those inherited below.
"""

from __future__ import annotations

from attrs import frozen

from synnefo_tx.audit.entry import Entry
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import ActionForbidden
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import granting, reach, things
from synnefo_tx.identity.rows.effective import SYSTEM
from synnefo_tx.identity.rows.grants import Grant
from synnefo_tx.identity.rows.kinds import ROLE
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.accounts import role_view


@frozen
class Way:
    """
    One family of paths.  actions: permissions for list, check, give and take.
    """

    actor_kind: str
    target_kind: str
    inherited: bool
    roles: str
    role: str
    actions: tuple[str, str, str, str]

    def grant(self, parts: dict[str, str]) -> Grant:
        """
        What the parts of a path name.
        """
        return Grant(
            self.actor_kind,
            parts["actor_id"],
            self.target_kind,
            parts.get("target_id", SYSTEM),
            parts.get("role_id", ""),
            self.inherited,
        )


def _ways() -> list[Way]:
    usual = ("list_grants", "check_grant", "create_grant", "revoke_grant")
    found = []
    for actor in ("user", "group"):
        for target in ("project", "domain"):
            place = f"{target}s/<target_id>/{actor}s/<actor_id>/roles"
            below = f"/v3/OS-INHERIT/{place}"
            found.append(Way(actor, target, False, f"/v3/{place}", f"/v3/{place}/<role_id>", usual))
            end = "inherited_to_projects"
            found.append(
                Way(actor, target, True, f"{below}/{end}", f"{below}/<role_id>/{end}", usual)
            )
        place = f"/v3/system/{actor}s/<actor_id>/roles"
        system = (
            f"list_system_grants_for_{actor}",
            f"check_system_grant_for_{actor}",
            f"create_system_grant_for_{actor}",
            f"revoke_system_grant_for_{actor}",
        )
        found.append(Way(actor, "system", False, place, f"{place}/<role_id>", system))
    return found


def add_routes(router: Router, context: Context) -> None:
    for way in _ways():
        _add(router, context, way)


def _add(router: Router, context: Context, way: Way) -> None:
    listing, checking, giving, taking = (f"identity:{name}" for name in way.actions)

    @router.route("GET", way.roles, listing)
    async def index(call: Call, **parts: str) -> Reply:
        given = await _permitted(context, call, listing, way.grant(parts))
        where = granting.roles_given(given)
        found, more = await context.database.read(
            things.list_things, ROLE, page_of(call, {"name": "name"}), where
        )
        return collection(call, "roles", [role_view(one, v3(call)) for one in found], more)

    @router.route("HEAD", way.role, checking)
    async def check(call: Call, **parts: str) -> Reply:
        given = await _permitted(context, call, checking, way.grant(parts))
        await context.database.read(granting.check, given)
        return empty_reply()

    @router.route("GET", way.role, checking)
    async def show(call: Call, **parts: str) -> Reply:
        given = await _permitted(context, call, checking, way.grant(parts))
        await context.database.read(granting.check, given)
        if way.target_kind == "system":
            role = await context.database.read(things.fetch, ROLE, given.role_id)
            return json_reply({"role": role_view(role, v3(call))})
        return empty_reply()

    @router.route("PUT", way.role, giving)
    async def give(call: Call, **parts: str) -> Reply:
        given = await _permitted(context, call, giving, way.grant(parts), changes=True)
        await write(context, _entry(call, giving, given), granting.give, given)
        return empty_reply()

    @router.route("DELETE", way.role, taking)
    async def take(call: Call, **parts: str) -> Reply:
        given = await _permitted(context, call, taking, way.grant(parts), changes=True)
        now, horizon_s = int(context.clock()), context.tokens.horizon_s
        entry = _entry(call, taking, given)
        await write(context, entry, granting.take, given, now, horizon_s)
        return empty_reply()


def _entry(call: Call, action: str, given: Grant) -> Entry:
    details = {
        given.actor_kind: given.actor_id,
        "role_id": given.role_id,
        "inherited": given.inherited,
    }
    return entry_of(call, action, given.target_kind, given.target_id, details)


async def _permitted(
    context: Context, call: Call, action: str, given: Grant, *, changes: bool = False
) -> Grant:
    """
    given, if the caller may do `action` with it: of those who manage a domain and no more, only
    when actor and target are of their domain, and the role is one that they may hand out.
    """
    actor, target = await context.database.read(granting.parties, given)
    places = {actor["domain_id"], _domain_of(given, target)}
    within = places.pop() if len(places) == 1 else None
    enforce(call, action, Target(domain_id=within))
    if changes and not call.token.is_admin:
        role = await context.database.read(things.fetch, ROLE, given.role_id)
        if not await context.database.read(reach.may_be_given, role, within):
            raise ActionForbidden(action)
    return given


def _domain_of(given: Grant, target: Thing | None) -> str | None:
    if target is None:
        return None
    domain_id: str = target["id"] if given.target_kind == "domain" else target["domain_id"]
    return domain_id
