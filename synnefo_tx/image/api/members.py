"""
/v2/images/{id}/members: sharing with other projects.
"""

from __future__ import annotations

from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.image.api.service import ImageService, body_of, told, viewer_of
from synnefo_tx.image.rows import members
from synnefo_tx.image.views.members import shown

_MEMBER_LENGTH = 255


def add_routes(service: ImageService) -> None:
    """
    Serve the memberships of images.
    """
    router = service.router

    @router.route("GET", "/v2/images/<image_id>/members", "get_members")
    async def index(call: Call, image_id: str) -> Reply:
        found = await service.database.read(members.listed, image_id, viewer_of(call))
        views = [shown(member) for member in found]
        return json_reply({"members": views, "schema": "/v2/schemas/members"})

    @router.route("POST", "/v2/images/<image_id>/members", "add_member")
    async def create(call: Call, image_id: str) -> Reply:
        member = _asked_member(body_of(call))
        added = await service.write(
            call,
            told("add_member", image_id, member=member),
            members.add,
            image_id,
            member,
            viewer_of(call),
            service.now_us(),
        )
        return json_reply(shown(added))

    @router.route("GET", "/v2/images/<image_id>/members/<member>", "get_member")
    async def show(call: Call, image_id: str, member: str) -> Reply:
        found = await service.database.read(members.shown, image_id, member, viewer_of(call))
        return json_reply(shown(found))

    @router.route("PUT", "/v2/images/<image_id>/members/<member>", "modify_member")
    async def update(call: Call, image_id: str, member: str) -> Reply:
        status = _asked_status(body_of(call))
        changed = await service.write(
            call,
            told("modify_member", image_id, member=member, status=status),
            members.answer,
            image_id,
            member,
            status,
            viewer_of(call),
            service.now_us(),
        )
        return json_reply(shown(changed))

    @router.route("DELETE", "/v2/images/<image_id>/members/<member>", "delete_member")
    async def delete(call: Call, image_id: str, member: str) -> Reply:
        line = told("delete_member", image_id, member=member)
        await service.write(call, line, members.remove, image_id, member, viewer_of(call))
        return empty_reply()


def _asked_member(body: object) -> str:
    if not isinstance(body, dict):
        raise BadRequest('Expected a member in the form: {"member": "image_id"}')
    if "member" not in body:
        raise BadRequest("Member to be added not specified")
    member = body["member"]
    if not member:
        raise BadRequest("Member can't be empty")
    if not isinstance(member, str) or len(member) > _MEMBER_LENGTH:
        raise BadRequest('Expected a member in the form: {"member": "image_id"}')
    return member


def _asked_status(body: object) -> str:
    if not isinstance(body, dict):
        raise BadRequest('Expected a status in the form: {"status": "status"}')
    if "status" not in body:
        raise BadRequest("Status not specified")
    status = body["status"]
    if status not in ("pending", "accepted", "rejected"):
        raise BadRequest('Incorrect request: Status must be "pending", "accepted" or "rejected".')
    return str(status)
