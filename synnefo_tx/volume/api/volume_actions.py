"""
/volumes/<id>/action.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import field, frozen

from synnefo_tx.audit.writing import Told
from synnefo_tx.compute.api.action import ask_of
from synnefo_tx.compute.rules.validation import NovaSchema
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.microversions import Version
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.volume.api.service import MINIMUM, body_of
from synnefo_tx.volume.rows import attaching, volume_actions, volumes
from synnefo_tx.volume.rules import action_schemas as bodies
from synnefo_tx.volume.rules.schemas import truth
from synnefo_tx.volume.rules.works import connection_info

PATH = "/volumes/<volume_id>/action"
IN_USE_SINCE = (3, 42)  # a volume is extended while a server uses it
_OPEN = "volume_extension:volume_actions"
_ADMIN = "volume_extension:volume_admin_actions"


@frozen
class Asked:
    """
    value: what the body has under the action's name, by its schema.
    """

    service: Service
    call: Call
    volume_id: str
    policy: str
    value: Any

    async def write(self, unit: Callable[..., Any], *args: Any) -> Any:
        """
        The unit's value, given the connection, the caller, the volume's id, `args` and now.
        """
        told = Told(self.policy, "volume", self.volume_id)
        now = self.service.now_us()
        return await self.service.wish(
            self.call, told, unit, self.call.caller, self.volume_id, *args, now
        )


@frozen(kw_only=True)
class ActionOf:
    """
    An action as routes need it.
    """

    policy: str
    schema: NovaSchema
    answer: Callable[[Asked], Awaitable[Reply]]
    since: Version = MINIMUM
    example: dict[str, Any] = field(factory=dict)


def add_routes(service: Service) -> None:
    """
    Serve what can be asked of a volume.
    """
    for name, action in ACTIONS.items():
        service.way("POST", PATH, action.policy, {name: action.example})

    @service.route("POST", PATH, "volume:action")
    async def act(call: Call, volume_id: str) -> Reply:
        body = body_of(call)
        if not isinstance(body, dict) or len(body) != 1:
            raise BadRequest("Malformed request body")
        name = next(iter(body))
        action = ACTIONS.get(name)
        if action is None:
            raise BadRequest(f"There is no such action: {name}")
        service.enforce(call, action.policy)
        if call.version < action.since:
            raise BadRequest(f"There is no such action: {name}")
        value = action.schema.check(body)[name]
        return await action.answer(Asked(service, call, volume_id, action.policy, value))


def _simple(policy: str, name: str, unit: Callable[..., Any]) -> ActionOf:
    async def answer(asked: Asked) -> Reply:
        await asked.write(unit)
        return empty_reply(202)

    return ActionOf(policy=policy, schema=bodies.bare(name), answer=answer)


async def _extend(asked: Asked) -> Reply:
    told = Told(asked.policy, "volume", asked.volume_id, {"size": asked.value["new_size"]})
    in_use = asked.call.version >= IN_USE_SINCE
    await asked.service.wish(
        asked.call,
        told,
        volume_actions.extend,
        ask_of(asked.service, asked.call),
        asked.volume_id,
        int(asked.value["new_size"]),
        in_use,
    )
    return empty_reply(202)


async def _reset(asked: Asked) -> Reply:
    status = asked.value.get("status")
    await asked.write(volume_actions.set_values, {"status": status} if status else {})
    return empty_reply(202)


async def _bootable(asked: Asked) -> Reply:
    await asked.write(volume_actions.set_values, {"bootable": truth(asked.value["bootable"])})
    return empty_reply(200)


async def _read_only(asked: Asked) -> Reply:
    await asked.write(volume_actions.set_read_only, truth(asked.value["readonly"]))
    return empty_reply(202)


async def _force_delete(asked: Asked) -> Reply:
    told = Told(asked.policy, "volume", asked.volume_id)
    now = asked.service.now_us()
    await asked.service.wish(
        asked.call,
        told,
        volumes.delete_volume,
        asked.call.caller,
        asked.volume_id,
        now,
        True,
        True,
    )
    return empty_reply(202)


async def _revert(asked: Asked) -> Reply:
    await asked.write(volume_actions.revert, asked.value["snapshot_id"])
    return empty_reply(202)


async def _attach(asked: Asked) -> Reply:
    wanted = attaching.Wanted(
        server_id=asked.value.get("instance_uuid"),
        host_name=asked.value.get("host_name"),
        mountpoint=asked.value.get("mountpoint"),
        mode=asked.value.get("mode") or "rw",
    )
    if (wanted.server_id is None) == (wanted.host_name is None):
        raise BadRequest("Invalid request to attach volume to an invalid target")
    await asked.write(attaching.attach, wanted)
    return empty_reply(202)


async def _detach(asked: Asked) -> Reply:
    await asked.write(attaching.detach, asked.value.get("attachment_id"))
    return empty_reply(202)


async def _connect(asked: Asked) -> Reply:
    row = await asked.service.database.read(volumes.find, asked.call.caller, asked.volume_id)
    mode = "ro" if row.read_only else "rw"
    return json_reply({"connection_info": connection_info(row.id, mode)})


async def _disconnect(asked: Asked) -> Reply:
    await asked.service.database.read(volumes.find, asked.call.caller, asked.volume_id)
    return empty_reply(202)


async def _show_image_metadata(asked: Asked) -> Reply:
    found = await asked.service.database.read(
        volume_actions.image_metadata, asked.call.caller, asked.volume_id
    )
    return json_reply({"metadata": found})


async def _set_image_metadata(asked: Asked) -> Reply:
    metadata = asked.value["metadata"]
    return json_reply({"metadata": await asked.write(volume_actions.set_image_metadata, metadata)})


async def _unset_image_metadata(asked: Asked) -> Reply:
    await asked.write(volume_actions.unset_image_metadata, asked.value["key"])
    return empty_reply(200)


_IMAGE = "volume_extension:volume_image_metadata"
ACTIONS: dict[str, ActionOf] = {
    "os-extend": ActionOf(policy="volume:extend", schema=bodies.EXTEND, answer=_extend),
    "os-reset_status": ActionOf(
        policy=f"{_ADMIN}:reset_status", schema=bodies.RESET_STATUS, answer=_reset
    ),
    "os-force_delete": ActionOf(
        policy=f"{_ADMIN}:force_delete",
        schema=bodies.bare("os-force_delete"),
        answer=_force_delete,
    ),
    "os-set_bootable": ActionOf(
        policy=f"{_OPEN}:set_bootable", schema=bodies.BOOTABLE, answer=_bootable
    ),
    "os-update_readonly_flag": ActionOf(
        policy="volume:update_readonly_flag", schema=bodies.READ_ONLY, answer=_read_only
    ),
    "revert": ActionOf(
        policy="volume:revert_to_snapshot", schema=bodies.REVERT, answer=_revert, since=(3, 40)
    ),
    "os-attach": ActionOf(policy=f"{_OPEN}:attach", schema=bodies.ATTACH, answer=_attach),
    "os-detach": ActionOf(policy=f"{_OPEN}:detach", schema=bodies.DETACH, answer=_detach),
    "os-force_detach": ActionOf(
        policy=f"{_ADMIN}:force_detach", schema=bodies.FORCE_DETACH, answer=_detach
    ),
    "os-reserve": _simple(f"{_OPEN}:reserve", "os-reserve", attaching.reserve),
    "os-unreserve": _simple(f"{_OPEN}:unreserve", "os-unreserve", attaching.unreserve),
    "os-begin_detaching": _simple(
        f"{_OPEN}:begin_detaching", "os-begin_detaching", attaching.begin_detaching
    ),
    "os-roll_detaching": _simple(
        f"{_OPEN}:roll_detaching", "os-roll_detaching", attaching.roll_detaching
    ),
    "os-initialize_connection": ActionOf(
        policy=f"{_OPEN}:initialize_connection",
        schema=bodies.connector("os-initialize_connection"),
        answer=_connect,
    ),
    "os-terminate_connection": ActionOf(
        policy=f"{_OPEN}:terminate_connection",
        schema=bodies.connector("os-terminate_connection"),
        answer=_disconnect,
    ),
    "os-show_image_metadata": ActionOf(
        policy=f"{_IMAGE}:show",
        schema=bodies.bare("os-show_image_metadata"),
        answer=_show_image_metadata,
    ),
    "os-set_image_metadata": ActionOf(
        policy=f"{_IMAGE}:set", schema=bodies.SET_IMAGE_METADATA, answer=_set_image_metadata
    ),
    "os-unset_image_metadata": ActionOf(
        policy=f"{_IMAGE}:remove", schema=bodies.UNSET_IMAGE_METADATA, answer=_unset_image_metadata
    ),
}
