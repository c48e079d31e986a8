"""
People who signed up, and the terms of use.
"""

from __future__ import annotations

from typing import IO, Any

import click

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import WRONG_INPUT, Failed
from synnefo_tx.admin.naming import id_of
from synnefo_tx.admin.output import shape_of, shaped, show_one, show_rows
from synnefo_tx.people.deciding import decide, vouch
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.model import State
from synnefo_tx.people.rows import records, signing
from synnefo_tx.people.rows.following import cloud_follower
from synnefo_tx.people.rules.bodies import LONGEST_REASON, LONGEST_TERMS
from synnefo_tx.people.views.people import person_view, terms_view

MANY = 500
_USUAL = ("id", "name", "email", "state", "registered_at", "reason")


@click.command("people")
@click.option(
    "--state", type=click.Choice([state.value for state in State]), help="Those in it alone."
)
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@click.option("--marker", help="Those after this id.")
@shaped
@click.pass_context
def people(context: click.Context, /, **given: Any) -> None:
    """
    List those who signed up by themselves.
    """
    _list(context, **given)


@click.command("pending")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@click.option("--marker", help="Those after this id.")
@shaped
@click.pass_context
def pending(context: click.Context, /, **given: Any) -> None:
    """
    List those who wait to be accepted.
    """
    _list(context, State.PENDING, **given)


def _list(
    context: click.Context,
    state: str | None,
    limit: int | None,
    marker: str | None,
    form: str,
    fields: str,
) -> None:
    door: Door = context.obj()
    wanted = None if state is None else State(state)
    rows: list[dict[str, Any]] = []
    more = True
    while more and (limit is None or len(rows) < limit):
        most = MANY if limit is None else min(MANY, limit - len(rows))
        found, more = door.read(records.listed, wanted, marker, most)
        rows += [person_view(one) for one in found]
        marker = found[-1].user_id if found else None
    show_rows(rows, shape_of(form, fields), _USUAL)


def _deciding(action: str, text: str, *, lasting: bool = False) -> click.Command:
    @click.command(action, help=text)
    @click.argument("user")
    @click.option("--domain", help="Where the name is, by id or name.")
    @click.option("--reason", default="", help="Kept, and told in a rejection's letter.")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    @click.pass_context
    def command(
        context: click.Context, user: str, domain: str | None, reason: str, yes: bool
    ) -> None:
        door: Door = context.obj()
        if len(reason) > LONGEST_REASON:
            raise Failed(f"--reason: longer than {LONGEST_REASON} characters", WRONG_INPUT)
        if lasting and not yes:
            click.confirm(f"{action.capitalize()} {user}?", abort=True)
        user_id = id_of(door, "user", user, domain)
        entry = door.entry(f"account:{action}_person", "user", user_id, reason=reason)
        door.write(entry, decide, action, user_id, reason, *_how(door))

    return command


@click.command("verify")
@click.argument("user")
@click.option("--domain", help="Where the name is, by id or name.")
@click.pass_context
def verify(context: click.Context, user: str, domain: str | None) -> None:
    """
    The e-mail address of somebody who signed up is right, without a letter.
    """
    door: Door = context.obj()
    user_id = id_of(door, "user", user, domain)
    entry = door.entry("account:verify_address", "user", user_id)
    door.write(entry, vouch, user_id, *_how(door))


def _how(door: Door) -> tuple[Any, ...]:
    settings = door.settings
    follower = cloud_follower(settings.personal_projects)
    doing = Doing(door.now_us() / 1e6, door.horizon_s, follower, door.who)
    return settings.base_url, settings.sign_up, doing


@click.group()
def terms() -> None:
    """
    The terms of use that those who signed up have to sign.
    """


@terms.command("publish")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def terms_publish(context: click.Context, file: IO[str], yes: bool) -> None:
    """
    The text in FILE ("-": standard input) is the next version, to be signed before the next
    log-in.
    """
    door: Door = context.obj()
    content = file.read(LONGEST_TERMS + 1)
    if not 0 < len(content) <= LONGEST_TERMS or "\0" in content:
        raise Failed(f"Terms are a text of 1 to {LONGEST_TERMS} characters.", WRONG_INPUT)
    if not yes:
        click.confirm("Must everybody who signed up sign this?", abort=True)
    entry = door.entry("account:publish_terms", "terms", "")
    made = door.write(entry, signing.publish, content, door.now_us() // 10**6)
    click.echo(f"version {made.version} is published")


@terms.command("show")
@click.argument("version", type=click.IntRange(1), required=False)
@shaped
@click.pass_context
def terms_show(context: click.Context, version: int | None, form: str, fields: str) -> None:
    """
    A version of the terms; the one in force, if none is named.
    """
    door: Door = context.obj()
    show_one(terms_view(door.read(signing.find, version)), shape_of(form, fields))


def add_all(main: click.Group) -> None:
    """
    The commands, those about somebody in the group of users.
    """
    users = main.commands["user"]
    assert isinstance(users, click.Group)
    for command in (
        people,
        pending,
        verify,
        _deciding("accept", "Somebody who signed up may log in."),
        _deciding("reject", "Somebody who signed up may not.", lasting=True),
        _deciding("deactivate", "Disable somebody who was accepted; tokens end."),
        _deciding("reactivate", "And enable again."),
    ):
        users.add_command(command)
    main.add_command(terms)
