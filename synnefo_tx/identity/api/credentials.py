"""
/v3/credentials: secrets of any type, kept for a user; "ec2" and "totp" have a meaning here.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement

from synnefo_tx.errors import BadRequest, Forbidden
from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, may, v3
from synnefo_tx.identity.api.delegated import (
    is_delegated,
    refuse_other_projects,
    refuse_restricted,
)
from synnefo_tx.identity.api.listing import collection, page_of
from synnefo_tx.identity.api.resource import Resource, changed, ended, made, permitted
from synnefo_tx.identity.api.schemas import CREDENTIAL as FIELDS
from synnefo_tx.identity.api.schemas import body_schema
from synnefo_tx.identity.faults import Expected
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.credentials import EC2, visible
from synnefo_tx.identity.rows.kinds import CREDENTIAL
from synnefo_tx.identity.rows.second_factors import enrolled
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.rules.totp import OURS, TOTP
from synnefo_tx.identity.views.delegation import credential_view

PATH = "/v3/credentials"
KEPT = ("trust_id", "app_cred_id", "access_token_id", "access_id")  # what an EC2 secret is bound to


def add_routes(router: Router, context: Context) -> None:
    resource = _resource(context)

    @router.route("GET", PATH, "identity:list_credentials")
    async def index(call: Call) -> Reply:
        page = page_of(call, resource.filters)
        found, more = await context.database.read(
            things.list_things, CREDENTIAL, page, _visible(call)
        )
        views = [resource.view(one, v3(call)) for one in found]
        return collection(call, "credentials", views, more)

    @router.route("GET", f"{PATH}/<credential_id>", "identity:get_credential")
    async def show(call: Call, credential_id: str) -> Reply:
        found = await permitted(context, call, resource, "get", credential_id)
        refuse_other_projects(call, found)
        return json_reply({"credential": resource.view(found, v3(call))})

    @router.route("POST", PATH, "identity:create_credential")
    async def create(call: Call) -> Reply:
        given = resource.create.check(json_body.read(call).get("credential", {}))
        return json_reply(await made(context, call, resource, given), 201)

    @router.route("PATCH", f"{PATH}/<credential_id>", "identity:update_credential")
    async def update(call: Call, credential_id: str) -> Reply:
        given = resource.update.check(json_body.read(call).get("credential", {}))
        after = await changed(context, call, resource, credential_id, given)
        return json_reply({"credential": resource.view(after, v3(call))})

    @router.route("DELETE", f"{PATH}/<credential_id>", "identity:delete_credential")
    async def delete(call: Call, credential_id: str) -> Reply:
        found = await permitted(context, call, resource, "delete", credential_id)
        refuse_other_projects(call, found)
        refuse_restricted(call, "credentials")
        await _refuse_enrolled(call, context, found)
        await ended(context, call, resource, credential_id)
        return empty_reply()


def access_id(access: str) -> str:
    """
    The id of the EC2 credential with this access key.
    """
    return hashlib.sha256(access.encode("utf-8", "surrogatepass")).hexdigest()


def bound(call: Call, blob: Mapping[str, Any]) -> dict[str, Any]:
    """
    An EC2 secret, bound to what the caller's token is: it gives no more than that.
    """
    ties = {"trust_id": call.token.trust_id, "app_cred_id": call.token.application_credential_id}
    return dict(blob) | {name: value for name, value in ties.items() if value}


def _resource(context: Context) -> Resource:
    def view(thing: Thing, base: str) -> dict[str, Any]:
        return credential_view(thing, context.secrets.open(thing["blob"]), base)

    return Resource(
        kind=CREDENTIAL,
        create=Body(body_schema(FIELDS, required=("blob", "type", "user_id")), keystone_wording),
        update=Body(body_schema(FIELDS, at_least_one=True), keystone_wording),
        filters={"user_id": "user_id", "type": "type"},
        view=view,
        target=_target,
        complete=_complete,
        prepare=_prepare,
    )


def _target(credential: Mapping[str, Any]) -> Target:
    return Target((credential["user_id"],))


def _visible(call: Call) -> ColumnElement[bool]:
    """
    What the caller may see of all credentials.
    """
    everything = may(call, "identity:list_credentials", Target())
    return visible(
        None if everything else call.token.user_id,
        call.token.project_id if is_delegated(call) else None,
    )


async def _complete(call: Call, context: Context, thing: Thing) -> Thing:
    refuse_restricted(call, "credentials")
    refuse_other_projects(call, thing)
    await _refuse_enrolled(call, context, thing)
    thing = {"project_id": None} | {k: v for k, v in thing.items() if k not in OURS}
    thing["id"] = uuid.uuid4().hex
    if thing["type"].lower() == EC2:
        if not thing["project_id"]:
            raise BadRequest("'project_id' is a required property")
        blob = ec2_blob(thing["blob"])
        _no_other_ties(call, blob)
        thing |= {"id": access_id(blob["access"]), "blob": json.dumps(bound(call, blob))}
    return thing | {"blob": context.secrets.seal(thing["blob"])}


async def _prepare(call: Call, context: Context, before: Thing, changes: Thing) -> Thing:
    refuse_restricted(call, "credentials")
    changes = {name: value for name, value in changes.items() if name not in OURS}
    after = before | changes
    await _refuse_enrolled(call, context, before, after)
    for one in (before, after):
        refuse_other_projects(call, one)
    if not may(call, "identity:update_credential", _target(after)):
        raise BadRequest("Cannot give a credential to another user.")
    if after["id"] != before["id"]:
        raise BadRequest("Cannot change credential ID")
    into_ec2 = after["type"].lower() == EC2  # its ties were not watched while it was another
    if after["type"] != before["type"] and (into_ec2 or is_delegated(call)):
        raise BadRequest("Cannot change the type of a credential.")
    if "blob" in changes:
        if before["type"].lower() == EC2:
            _same_ties(ec2_blob(context.secrets.open(before["blob"])), ec2_blob(changes["blob"]))
        changes["blob"] = context.secrets.seal(changes["blob"])
    return changes


def ec2_blob(text: str) -> dict[str, Any]:
    """
    An EC2 secret, decoded.  Raises BadRequest and Expected.
    """
    try:
        blob = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise BadRequest("Invalid blob in credential") from error
    if not blob or not isinstance(blob, dict):
        raise Expected("blob", "credential")
    if not isinstance(blob.get("access"), str):
        raise Expected("access", "credential")
    return blob


def _no_other_ties(call: Call, blob: Mapping[str, Any]) -> None:
    """
    Raises BadRequest for a secret that would stand for a delegation which the caller doesn't show.
    """
    own = bound(call, {})
    for name in KEPT:
        if blob.get(name) not in (None, own.get(name)):
            raise BadRequest(f"{name} can not be set for credential")


def _same_ties(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for name in KEPT:
        if old.get(name) != new.get(name):
            raise BadRequest(f"{name} can not be updated for credential")


async def _refuse_enrolled(call: Call, context: Context, *these: Mapping[str, Any]) -> None:
    """
    Raises Forbidden where a token alone would change the second factor of a person who enrolled
    one: that takes the password and a code, at the account service.  Administrators may.
    """
    if may(call, "identity:update_credential", Target()):
        return
    for one in these:
        if one.get("type") == TOTP and await context.database.read(enrolled, one["user_id"]):
            raise Forbidden("This second factor is changed at /account/v1.0/people/second-factor.")
