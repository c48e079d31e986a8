"""
Limits: what is due to a holding, and how administrators and projects set it.

A change of limits never touches what is used: who is above one may take nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from synnefo_tx.identity.rows.tables import users
from synnefo_tx.quota.model import NO_LIMIT, Key
from synnefo_tx.quota.rows.tables import holdings, quota_limits, resources

CHUNK = 200  # holdings asked about in one statement


def due_limits(
    connection: Connection, keys: Collection[Key], *, keep: bool = False
) -> dict[Key, int]:
    """
    The limit that each of these should have: the one that was set for it, or the default.  Members
    of a project have none of their own by default, but in their personal projects.  Raises
    KeyError for an unknown resource.

    keep: nobody sets another limit of these resources until the transaction ends.
    """
    names = {key.resource for key in keys}
    known = select(resources).where(resources.c.name.in_(names)).order_by(resources.c.name)
    if keep:
        known = known.with_for_update(read=True)
    defaults = {row.name: row for row in connection.execute(known)}
    ordered = sorted(keys)
    due = {}
    for start in range(0, len(ordered), CHUNK):
        part = ordered[start : start + CHUNK]
        said = _said(connection, part)
        personal = _personal(connection, part)
        for key in part:
            default = _default(key, defaults[key.resource], personal)
            shared = said.get(Key("", key.source, key.resource), default)
            due[key] = said.get(key, shared)
    return due


def default_limits(connection: Connection, keys: Collection[Key]) -> dict[Key, int]:
    """
    The limits that these would have if nobody had set any.  Raises KeyError for an unknown
    resource.
    """
    defaults = {row.name: row for row in connection.execute(select(resources))}
    personal = _personal(connection, keys)
    return {key: _default(key, defaults[key.resource], personal) for key in keys}


def _default(key: Key, resource: Any, personal: Collection[str]) -> int:
    owner = key.holder.partition(":")[2]
    limit: int = resource.project_default
    if owner in personal:
        limit = resource.system_default
    elif key.source:
        limit = NO_LIMIT
    return limit


def _said(connection: Connection, keys: Collection[Key]) -> dict[Key, int]:
    places = {(key.holder, key.source) for key in keys}
    places |= {("", key.source) for key in keys if key.source}
    here = [
        and_(quota_limits.c.holder == holder, quota_limits.c.source == source)
        for holder, source in sorted(places)
    ]
    rows = connection.execute(select(quota_limits).where(or_(False, *here)))
    return {Key(row.holder, row.source, row.resource): row.limit for row in rows}


def _personal(connection: Connection, keys: Collection[Key]) -> set[str]:
    """
    Ids of personal projects, which are those of their users, among the holders.
    """
    own = {
        key.holder.partition(":")[2]
        for key in keys
        if not key.source or key.source.partition(":")[2] == key.holder.partition(":")[2]
    }
    rows = connection.execute(select(users.c.id).where(users.c.id.in_(own)))
    return {row.id for row in rows}


def set_limits(
    connection: Connection, project_id: str, limits: Mapping[str, tuple[int | None, int | None]]
) -> None:
    """
    For each resource the limit of every member and of the project as a whole; None: the default.
    A limit that was set for one member alone stays.
    """
    source = f"project:{project_id}"
    _begin(connection, limits)
    for resource, (member, project) in limits.items():
        _say(connection, Key("", source, resource), member)
        _say(connection, Key(source, "", resource), project)
    refresh(connection, source, tuple(limits))


def set_project_limits(
    connection: Connection, project_id: str, limits: Mapping[str, int | None]
) -> None:
    """
    The limits of the project as a whole; None: the default.
    """
    holder = f"project:{project_id}"
    _begin(connection, limits)
    for resource, limit in limits.items():
        _say(connection, Key(holder, "", resource), limit)
    refresh(connection, holder, tuple(limits))


def set_member_limits(
    connection: Connection, user_id: str, project_id: str, limits: Mapping[str, int | None]
) -> None:
    """
    The limits of one user in the project; None: as all members'.
    """
    source = f"project:{project_id}"
    _begin(connection, limits)
    for resource, limit in limits.items():
        _say(connection, Key(f"user:{user_id}", source, resource), limit)
    refresh(connection, source, tuple(limits))


def forget_limits(
    connection: Connection, project_id: str, names: Collection[str], user_id: str = ""
) -> None:
    """
    The defaults hold again for the project, or for one user in it.
    """
    none = dict.fromkeys(names)
    if user_id:
        set_member_limits(connection, user_id, project_id, none)
    else:
        set_project_limits(connection, project_id, none)


def set_defaults(connection: Connection, name: str, system: int, project: int) -> None:
    """
    The defaults of a resource, for all to whom nothing else was said.  Raises KeyError for an
    unknown one.
    """
    this = update(resources).where(resources.c.name == name)
    changed = connection.execute(this.values(system_default=system, project_default=project))
    if changed.rowcount != 1:
        raise KeyError(name)
    _refresh(connection, holdings.c.resource == name)


def refresh(connection: Connection, project: str, names: Collection[str]) -> None:
    """
    Give the holdings of `project` ("project:<id>") and of its members the limits due to them.
    """
    _refresh(
        connection,
        or_(holdings.c.holder == project, holdings.c.source == project),
        holdings.c.resource.in_(names),
    )


def _refresh(connection: Connection, *where: Any) -> None:
    order = (holdings.c.holder, holdings.c.source, holdings.c.resource)
    rows = connection.execute(select(holdings).where(*where).order_by(*order).with_for_update())
    known = {Key(row.holder, row.source, row.resource): row.limit for row in rows}
    due = due_limits(connection, known.keys())
    write_limits(connection, {key: due[key] for key in known if due[key] != known[key]})


def write_limits(connection: Connection, limits: Mapping[Key, int]) -> None:
    """
    Give holdings that are there these limits.
    """
    if not limits:
        return
    this = and_(
        holdings.c.holder == bindparam("its_holder"),
        holdings.c.source == bindparam("its_source"),
        holdings.c.resource == bindparam("its_resource"),
    )
    connection.execute(
        update(holdings).where(this).values(limit=bindparam("new")),
        [
            {
                "its_holder": key.holder,
                "its_source": key.source,
                "its_resource": key.resource,
                "new": limit,
            }
            for key, limit in sorted(limits.items())
        ],
    )


def _begin(connection: Connection, names: Iterable[str]) -> None:
    """
    Waits for those who make holdings of these resources, and lets them wait: whoever comes first is
    seen by the other.  Raises KeyError for an unknown one.
    """
    wanted = set(names)
    known = select(resources.c.name).where(resources.c.name.in_(wanted)).order_by(resources.c.name)
    found = {row.name for row in connection.execute(known.with_for_update())}
    for name in sorted(wanted - found):
        raise KeyError(name)


def _say(connection: Connection, key: Key, limit: int | None) -> None:
    place = {"holder": key.holder, "source": key.source, "resource": key.resource}
    if limit is None:
        this = and_(*(quota_limits.c[name] == value for name, value in place.items()))
        connection.execute(delete(quota_limits).where(this))
        return
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    said = dialect.insert(quota_limits).values(**place, limit=limit)
    connection.execute(said.on_conflict_do_update(index_elements=[*place], set_={"limit": limit}))
