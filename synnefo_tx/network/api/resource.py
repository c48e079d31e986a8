"""
One kind of resource of the network API: how it is listed, shown, made, changed and deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection

from synnefo_tx.audit.writing import Told
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply, json_reply
from synnefo_tx.http.service import Service
from synnefo_tx.identity.caller import Caller
from synnefo_tx.network import errors
from synnefo_tx.network.api.service import read_body
from synnefo_tx.network.rows import lists
from synnefo_tx.network.rows.ask import Ask
from synnefo_tx.network.rules import attributes as rules
from synnefo_tx.network.rules.attributes import Attribute, Values
from synnefo_tx.network.rules.queries import Query, links, parse
from synnefo_tx.network.views import resources as views

Json = dict[str, Any]
SeeRows = Callable[[Connection, Sequence[Any], Caller], list[Json]]


@frozen(eq=False)
class Resource:
    """
    member: what the API calls one.  see: rows as shown.  create: gives the new one's id; change:
    is told the row and what was said of it; remove: the row.
    """

    member: str
    kind: lists.Kind
    attributes: tuple[Attribute, ...]
    see: SeeRows
    create: Callable[[Connection, Ask, Values], str]
    change: Callable[[Connection, Ask, Any, Values], None]
    remove: Callable[[Connection, Ask, Any], None]

    @property
    def collection(self) -> str:
        """
        What bodies call many.
        """
        return self.kind.name.replace("-", "_")

    @property
    def path(self) -> str:
        """
        Where they are.
        """
        return f"/{self.kind.name}"

    def listed(self, connection: Connection, query: Query, caller: Caller) -> list[Json]:
        """
        One page, as shown.
        """
        return self.see(connection, lists.list_rows(connection, self.kind, query, caller), caller)

    def shown(self, connection: Connection, thing_id: str, caller: Caller) -> Json:
        """
        One, as shown.  Raises the kind's error.
        """
        return self.see(connection, [lists.find(connection, self.kind, thing_id, caller)], caller)[
            0
        ]

    def made(self, connection: Connection, several: Sequence[tuple[Ask, Values]]) -> list[Json]:
        """
        All of them, or an error and none.
        """
        found = []
        for ask, values in several:
            thing_id = self.create(connection, ask, values)
            maker = Caller(ask.project_id, ask.caller.user_id, is_admin=ask.caller.is_admin)
            found.append(self.shown(connection, thing_id, maker))
        return found

    def changed(
        self, connection: Connection, ask: Ask, thing_id: str, values: Values, revision: int | None
    ) -> Json:
        """
        It, as it is now.  Raises the kind's error, PolicyNotAuthorized or RevisionMismatch.
        """
        row = self.owned(connection, ask.caller, thing_id, "update", revision)
        self.change(connection, ask, row, values)
        return self.shown(connection, thing_id, ask.caller)

    def removed(
        self, connection: Connection, ask: Ask, thing_id: str, revision: int | None
    ) -> None:
        """
        It is gone.  Raises the kind's error, PolicyNotAuthorized or RevisionMismatch.
        """
        self.remove(
            connection, ask, self.owned(connection, ask.caller, thing_id, "delete", revision)
        )

    def owned(
        self,
        connection: Connection,
        caller: Caller,
        thing_id: str,
        verb: str,
        revision: int | None = None,
    ) -> Any:
        """
        The row, if it is the caller's to change, which nobody else changes meanwhile.
        """
        row = lists.find(connection, self.kind, thing_id, caller, to_change=True)
        if not caller.is_admin and row.project_id != caller.project_id:
            raise errors.PolicyNotAuthorized(f"{verb}_{self.member}")
        if revision is not None and revision != getattr(row, "revision", revision):
            raise errors.RevisionMismatch(revision, row.revision)
        return row


def serve(service: Service, resource: Resource) -> None:
    """
    Add the resource's routes.
    """
    _serve_reading(service, resource)
    _serve_making(service, resource)
    _serve_changing(service, resource)
    for method, path, verb in (
        ("POST", resource.path, "create"),
        ("PUT", f"{resource.path}/<thing_id>", "update"),
    ):
        for one in resource.attributes:
            if one.guarded and (one.created if verb == "create" else one.updated):
                policy = f"{verb}_{resource.member}:{one.name}"
                service.way(method, path, policy, _body_with(resource, one, verb))


def ask_of(service: Service, call: Call, project_id: str | None = None) -> Ask:
    """
    What units are told of the call.
    """
    caller = call.caller
    return Ask(caller, project_id or caller.project_id, service.now_us(), call.request_id)


def _serve_reading(service: Service, resource: Resource) -> None:
    base, database = resource.path, service.database
    permission = f"get_{resource.member}"
    sortable = set(resource.kind.columns)

    @service.route("GET", base, permission)
    async def index(call: Call) -> Reply:
        pairs = call.queries()
        query = parse(pairs, sortable)
        found = await database.read(resource.listed, query, call.caller)
        body: Json = {resource.collection: [views.only(view, query.fields) for view in found]}
        here = call.base + call.path.partition(f"/{service.router.prefix}")[2]
        linked = links(here, pairs, [view["id"] for view in found], query)
        if linked:
            body[f"{resource.collection}_links"] = linked
        return json_reply(body)

    @service.route("GET", f"{base}/<thing_id>", permission)
    async def show(call: Call, thing_id: str) -> Reply:
        fields = [value for name, value in call.queries() if name == "fields"]
        found = await database.read(resource.shown, thing_id, call.caller)
        return json_reply({resource.member: views.only(found, fields)})


def _serve_making(service: Service, resource: Resource) -> None:
    policy = f"create_{resource.member}"

    def read_one(call: Call, given: Values) -> tuple[Ask, Values]:
        values = rules.said_to_create(resource.attributes, given)
        project_id = rules.project_of(given)
        _check_guarded(service, call, resource, "create", given)
        if project_id not in (None, call.caller.project_id) and not call.caller.is_admin:
            raise errors.InvalidQuery(
                "Specifying 'project_id' or 'tenant_id' other than the authenticated project in "
                "request requires admin privileges"
            )
        return ask_of(service, call, project_id), values

    @service.route("POST", resource.path, policy)
    async def create(call: Call) -> Reply:
        body = read_body(call)
        several = rules.members_of(body, resource.member, resource.collection)
        if several is None:
            asked = [read_one(call, rules.member_of(body, resource.member))]
        else:
            asked = [read_one(call, given) for given in several]
        details = {"asked": [values for _, values in asked]}
        told = Told(policy, resource.member, lambda made: str(made[0]["id"]), details)
        found = await service.wish(call, told, resource.made, asked)
        if several is None:
            return json_reply({resource.member: found[0]}, 201)
        return json_reply({resource.collection: found}, 201)


def _serve_changing(service: Service, resource: Resource) -> None:
    base, member = resource.path, resource.member

    @service.route("PUT", f"{base}/<thing_id>", f"update_{member}")
    async def update(call: Call, thing_id: str) -> Reply:
        given = rules.member_of(read_body(call), member)
        values = rules.said_to_update(resource.attributes, given)
        _check_guarded(service, call, resource, "update", given)
        told = Told(f"update_{member}", member, thing_id, {"asked": values})
        revision = rules.revision_asked(call.header("if-match"))
        ask = ask_of(service, call)
        found = await service.wish(call, told, resource.changed, ask, thing_id, values, revision)
        return json_reply({member: found})

    @service.route("DELETE", f"{base}/<thing_id>", f"delete_{member}")
    async def remove(call: Call, thing_id: str) -> Reply:
        told = Told(f"delete_{member}", member, thing_id)
        revision = rules.revision_asked(call.header("if-match"))
        await service.wish(call, told, resource.removed, ask_of(service, call), thing_id, revision)
        return empty_reply()

    @service.route("PUT", base, f"update_{member}")
    async def update_none(_: Call) -> Reply:
        raise resource.kind.missing("None")


def _check_guarded(
    service: Service, call: Call, resource: Resource, verb: str, given: Values
) -> None:
    for name in rules.guarded_in(resource.attributes, given):
        service.enforce(call, f"{verb}_{resource.member}:{name}")


_VALUES: Json = {  # by which a body asks for more than everybody may
    "provider:network_type": "flat",
    "provider:physical_network": "br0",
    "provider:segmentation_id": 7,
    "binding:host_id": "a",
    "binding:profile": {"a": "b"},
}
_AN_ID = "00000000-0000-4000-8000-000000000000"


def _body_with(resource: Resource, guarded: Attribute, verb: str) -> Json:
    """
    A body that is right but for who may send it.
    """
    usual = {"network_id": _AN_ID, "ip_version": 4, "prefixes": ["10.0.0.0/8"]}
    given = {
        one.name: usual.get(one.name)
        for one in resource.attributes
        if verb == "create" and one.default is rules.REQUIRED
    }
    return {resource.member: given | {guarded.name: _VALUES.get(guarded.name, True)}}
