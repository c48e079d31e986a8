"""
Units of work on applications: for new projects and for modifications, and the answers to them.
"""

from __future__ import annotations

from typing import Any

from attrs import asdict, evolve
from sqlalchemy import Connection, Row, insert, select, update

from synnefo_tx.account.errors import (
    BadPolicies,
    NoSuchApplication,
    NoSuchProject,
    NotAllowed,
    NotPending,
    TooManyPending,
    UnknownUser,
    Unmodifiable,
    WrongState,
)
from synnefo_tx.account.model import ApplicationState, Asked, Doing, Policy, ProjectState
from synnefo_tx.account.notices import Notice
from synnefo_tx.account.rows import control, members, places, records
from synnefo_tx.account.rows.records import Record
from synnefo_tx.account.rows.tables import project_applications
from synnefo_tx.account.rules import rights
from synnefo_tx.account.rules.states import APPLICATION, after
from synnefo_tx.identity.rows.accounts import find_user
from synnefo_tx.quota.errors import Exceeded
from synnefo_tx.quota.model import Payer
from synnefo_tx.quota.registered import PENDING_APP
from synnefo_tx.quota.rows import holdings
from synnefo_tx.quota.rows.resources import listed

Application = Row[Any]


def apply_for(connection: Connection, doing: Doing, project_id: str, asked: Asked) -> int:
    """
    An application for a new project, which will have this id.  The application's id.  asked: name
    and end_at are there.  Raises UnknownUser, BadPolicies and TooManyPending.
    """
    _check_resources(connection, doing, asked)
    owner_id = asked.owner_id or doing.actor.user_id
    owner = find_user(connection, owner_id)
    if owner is None or not owner.enabled:
        raise UnknownUser
    _take(connection, doing)
    asked = evolve(
        asked,
        owner_id=owner_id,
        join_policy=asked.join_policy or Policy.MODERATED,
        leave_policy=asked.leave_policy or Policy.AUTO,
        private=bool(asked.private),
        homepage=asked.homepage or "",
        description=asked.description or "",
    )
    values = {name: getattr(asked, name) for name in control.FIELDS}
    place = {"id": project_id, "domain_id": owner.domain_id, "is_personal": False}
    state = {"state": ProjectState.UNINITIALIZED, "kept_limits": dict(asked.resources)}
    records.create(connection, doing, values | place | state)
    row = records.lock(connection, project_id)
    return _submit(connection, doing, row, asked, "application-submitted")


def apply_to_modify(connection: Connection, doing: Doing, project_id: str, asked: Asked) -> int:
    """
    An application to modify the project; one that waits is replaced.  The application's id.  Raises
    NoSuchProject, NotAllowed, Unmodifiable, UnknownUser, BadPolicies and TooManyPending.
    """
    row = records.lock(connection, project_id)
    project = records.standing(row)
    if not rights.owns(project, doing.actor):
        own = members.of_user(connection, project_id, doing.actor.user_id)
        if not rights.sees(project, doing.actor, own.state if own else None):
            raise NoSuchProject(project_id)
        raise NotAllowed
    if project.state in (ProjectState.UNINITIALIZED, ProjectState.DELETED):
        raise Unmodifiable("Cannot modify an uninitialized project.")
    control.check_personal(row, asked)
    _check_resources(connection, doing, asked)
    if asked.owner_id is not None:
        owner = find_user(connection, asked.owner_id)
        if owner is None or not owner.enabled:
            raise UnknownUser
    waiting = _pending_of(connection, row)
    if waiting is not None:
        _answer(connection, doing, waiting, "replace")
    _take(connection, doing)
    return _submit(connection, doing, row, asked, "modification-submitted")


def approve(
    connection: Connection, doing: Doing, application_id: int, project_id: str | None = None
) -> None:
    """
    The project is there as asked for.  Raises NoSuchApplication, NotAllowed, NotPending, WrongState
    and NameInUse.
    """
    records.admins_only(doing)
    row, application = _locked(connection, application_id, project_id)
    _answer(connection, doing, application, "approve")
    asked = asked_of(application)
    if row.state == ProjectState.UNINITIALIZED:
        names = ("id", "name", "domain_id", "description")
        places.make_project(connection, {name: getattr(row, name) for name in names})
    else:
        control.apply(connection, doing, row, asked)
        row = records.lock(connection, row.id)
    new = records.move(connection, doing, row, "approve")
    control.settle(connection, doing, row, new)
    if row.owner_id is not None:
        members.let_in(connection, doing, records.lock(connection, row.id), row.owner_id)
    _tell_applicant(connection, doing, application, row, "application-approved")


def deny(
    connection: Connection, doing: Doing, application_id: int, project_id: str | None = None
) -> None:
    """
    It is refused, with `doing.reason`.  Raises NoSuchApplication, NotAllowed, NotPending and
    WrongState.
    """
    records.admins_only(doing)
    row, application = _locked(connection, application_id, project_id)
    _answer(connection, doing, application, "deny")
    _tell_applicant(connection, doing, application, row, "application-denied")


def withdraw(
    connection: Connection,
    doing: Doing,
    application_id: int,
    action: str,
    project_id: str | None = None,
) -> None:
    """
    The applicant will not wait on ("cancel"), or has seen that it was denied ("dismiss"); a project
    that never was goes with it.  Raises NoSuchApplication, NotAllowed, NotPending and WrongState.
    """
    row, application = _locked(connection, application_id, project_id)
    if application.applicant_id != doing.actor.user_id and not doing.actor.is_admin:
        raise NotAllowed
    _answer(connection, doing, application, action)
    if row.state == ProjectState.UNINITIALIZED:
        records.move(connection, doing, row, "delete")


def asked_of(application: Application) -> Asked:
    """
    What the application asks for.
    """
    names = (name for name in Asked.__attrs_attrs__ if name.name != "resources")
    values = {one.name: getattr(application, one.name) for one in names}
    pairs = {name: (pair[0], pair[1]) for name, pair in application.resources.items()}
    return Asked(**values, resources=pairs)


def _submit(connection: Connection, doing: Doing, row: Record, asked: Asked, kind: str) -> int:
    made = insert(project_applications).values(
        project_id=row.id,
        state=ApplicationState.PENDING,
        applicant_id=doing.actor.user_id,
        issued_at=doing.now_us,
        reason="",
        **asdict(asked),
    )
    number = int(connection.execute(made.returning(project_applications.c.id)).scalar_one())
    records.change(connection, row.id, {"application_id": number})
    details = {"name": row.name, "application": number, "comments": asked.comments or ""}
    doing.notifier.notify(connection, Notice(kind, row.id, to_admins=True, details=details))
    return number


def _locked(
    connection: Connection, application_id: int, project_id: str | None
) -> tuple[Record, Application]:
    this = select(project_applications).where(project_applications.c.id == application_id)
    found = connection.execute(this).first()
    if found is None:
        raise NoSuchApplication(application_id)
    row = records.lock(connection, found.project_id)
    if project_id not in (None, row.id) or row.application_id != application_id:
        raise NotPending(application_id, project_id or row.id)
    return row, connection.execute(this).one()


def _answer(connection: Connection, doing: Doing, application: Application, action: str) -> None:
    """
    What was held back for a pending application is given back when it is none any more.
    """
    state = ApplicationState(application.state)
    new = after(APPLICATION, action, state)
    if new is None:
        raise WrongState("application", application.id, action, state)
    this = update(project_applications).where(project_applications.c.id == application.id)
    connection.execute(
        this.values(
            state=new,
            answered_at=doing.now_us,
            answered_by=doing.actor.user_id,
            reason=doing.reason,
        )
    )
    if state is ApplicationState.PENDING:
        holdings.give_back(connection, _payer(application.applicant_id), {PENDING_APP: 1})


def _pending_of(connection: Connection, row: Record) -> Application | None:
    c = project_applications.c
    waiting = select(project_applications).where(
        c.project_id == row.id, c.state == ApplicationState.PENDING
    )
    return connection.execute(waiting).first()


def _take(connection: Connection, doing: Doing) -> None:
    payer = _payer(doing.actor.user_id)
    try:
        holdings.take(connection, payer, {PENDING_APP: 1}, force=doing.actor.is_admin)
    except Exceeded as error:
        held = holdings.held_by(connection, payer, [PENDING_APP])[PENDING_APP]
        raise TooManyPending(held.limit) from error


def _payer(user_id: str) -> Payer:
    return Payer(user_id, user_id)  # the personal project's id is its user's


def _check_resources(connection: Connection, doing: Doing, asked: Asked) -> None:
    visible = {row.name for row in listed(connection) if row.api_visible or doing.actor.is_admin}
    if not asked.resources.keys() <= visible:
        raise BadPolicies


def _tell_applicant(
    connection: Connection, doing: Doing, application: Application, row: Record, kind: str
) -> None:
    details = {"name": row.name, "application": application.id, "reason": doing.reason}
    notice = Notice(kind, row.id, (application.applicant_id,), details=details)
    doing.notifier.notify(connection, notice)
