"""
/v3/users/<id>/credentials/OS-EC2: access keys as EC2 and S3 have them.
"""

from __future__ import annotations

import json
import uuid

import msgspec

from synnefo_tx.http.bodies import Body, keystone_wording
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.router import Router
from synnefo_tx.identity.api import json_body
from synnefo_tx.identity.api.context import Context, enforce, v3
from synnefo_tx.identity.api.credentials import access_id, bound
from synnefo_tx.identity.api.delegated import (
    is_delegated,
    refuse_other_projects,
    refuse_restricted,
)
from synnefo_tx.identity.api.listing import collection
from synnefo_tx.identity.api.schemas import ID, body_schema
from synnefo_tx.identity.api.writing import entry_of, write
from synnefo_tx.identity.faults import AccountNotFound
from synnefo_tx.identity.permissions import Target
from synnefo_tx.identity.rows import things
from synnefo_tx.identity.rows.credentials import EC2, create_ec2, ec2_of
from synnefo_tx.identity.rows.kinds import CREDENTIAL
from synnefo_tx.identity.rows.things import Thing
from synnefo_tx.identity.views.delegation import View, ec2_view

PATH = "/v3/users/<user_id>/credentials/OS-EC2"
_body = Body(body_schema({"tenant_id": ID}, required=("tenant_id",)), keystone_wording)


def add_routes(router: Router, context: Context) -> None:
    _add_writing(router, context)

    @router.route("GET", PATH, "identity:ec2_list_credentials")
    async def index(call: Call, user_id: str) -> Reply:
        enforce(call, "identity:ec2_list_credentials", Target((user_id,)))
        found = await context.database.read(ec2_of, user_id)
        if is_delegated(call):
            found = [one for one in found if one["project_id"] == call.token.project_id]
        views = [_view(context, call, one) for one in found]
        return collection(call, "credentials", views, False)

    @router.route("GET", f"{PATH}/<access>", "identity:ec2_get_credential")
    async def show(call: Call, user_id: str, access: str) -> Reply:
        found = await _permitted(context, call, "ec2_get_credential", user_id, access)
        return json_reply({"credential": _view(context, call, found)})


def _add_writing(router: Router, context: Context) -> None:
    creating, deleting = "identity:ec2_create_credential", "identity:ec2_delete_credential"

    @router.route("POST", PATH, creating)
    async def create(call: Call, user_id: str) -> Reply:
        enforce(call, creating, Target((user_id,)))
        refuse_restricted(call, "credentials")
        project_id = _body.check(json_body.read(call))["tenant_id"]
        refuse_other_projects(call, {"project_id": project_id}, "EC2 credential")
        blob = bound(call, {"access": uuid.uuid4().hex, "secret": uuid.uuid4().hex})
        thing = {
            "id": access_id(blob["access"]),
            "user_id": user_id,
            "project_id": project_id,
            "type": EC2,
            "blob": context.secrets.seal(json.dumps(blob)),
        }
        told = {"user_id": user_id, "project_id": project_id}
        entry = entry_of(call, creating, "credential", thing["id"], told)
        new = await write(context, entry, create_ec2, CREDENTIAL, thing)
        return json_reply({"credential": _view(context, call, new)}, 201)

    @router.route("DELETE", f"{PATH}/<access>", deleting)
    async def delete(call: Call, user_id: str, access: str) -> Reply:
        found = await _permitted(context, call, "ec2_delete_credential", user_id, access)
        refuse_restricted(call, "credentials")
        entry = entry_of(call, deleting, "credential", found["id"])
        await write(context, entry, things.remove, CREDENTIAL, found["id"])
        return empty_reply()


async def _permitted(context: Context, call: Call, verb: str, user_id: str, access: str) -> Thing:
    """
    The credential, if the caller may do `verb` to it; it belongs to whom it says, not to the path.
    """
    credential_id = access_id(access)
    found = await context.database.read(things.find, CREDENTIAL, credential_id)
    owner = found["user_id"] if found else user_id
    enforce(call, f"identity:{verb}", Target((owner,)))
    if found is None or found["type"] != EC2 or owner != user_id:
        raise AccountNotFound("credential", credential_id)
    refuse_other_projects(call, found, "EC2 credential")
    return found


def _view(context: Context, call: Call, credential: Thing) -> View:
    blob = msgspec.json.decode(context.secrets.open(credential["blob"]))
    return ec2_view(credential, blob, v3(call))
