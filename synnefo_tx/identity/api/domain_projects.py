"""
Domains as the projects that they act as: made, listed, changed and ended below /v3/projects too.
"""

from __future__ import annotations

from typing import Any

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.domains import DOMAINS
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.resource import changed, made, own_domain_only
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import project_tags, things
from synnefo_tx.identity.rows.kinds import DOMAIN
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.accounts import domain_as_project

_NOT_OF_DOMAINS = ("is_domain", "domain_id", "parent_id")


async def is_domain(context: Context, thing_id: str) -> bool:
    """
    Whether there is a domain of this id.
    """
    return await context.database.read(things.find, DOMAIN, thing_id) is not None


async def made_as_project(context: Context, call: Call, given: Thing) -> dict[str, Any]:
    """
    A new domain.  given: the body of a project, checked.
    """
    if given.get("domain_id") or given.get("parent_id"):
        raise BadRequest(
            "The domain_id and the parent_id of a project acting as a domain must be null."
        )
    answer = await made(context, call, DOMAINS, _of_domain(given))
    return domain_as_project(answer["domain"], v3(call))


async def changed_as_project(
    context: Context, call: Call, domain_id: str, changes: Thing
) -> dict[str, Any]:
    """
    The domain after these changes, which are a project's, checked.
    """
    if not changes.get("is_domain", True):
        raise BadRequest("Update of `is_domain` is not allowed.")
    after = await changed(context, call, DOMAINS, domain_id, _of_domain(changes))
    return domain_as_project(after, v3(call))


async def shown_as_project(context: Context, call: Call, domain_id: str) -> dict[str, Any]:
    """
    The domain.
    """
    enforce(call, "identity:get_project", Target(domain_id=domain_id))
    domain = await context.database.read(things.fetch, DOMAIN, domain_id)
    [tagged] = await context.database.read(project_tags.with_tags, [domain])
    return domain_as_project(tagged, v3(call))


async def listed_as_projects(context: Context, call: Call) -> Reply:
    """
    The domains that fit the query.
    """
    page = own_domain_only(call, DOMAIN, page_of(call, DOMAINS.filters))
    found, more = await context.database.read(project_tags.list_tagged, DOMAIN, page)
    views = [domain_as_project(one, v3(call)) for one in found]
    return collection(call, "projects", views, more)


def _of_domain(given: Thing) -> Thing:
    return {name: given[name] for name in given if name not in _NOT_OF_DOMAINS}
