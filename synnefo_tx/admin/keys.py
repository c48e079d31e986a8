"""
The keys that seal tokens, and those that seal secrets in the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import Failed
from synnefo_tx.admin.output import shape_of, shaped, show_rows
from synnefo_tx.events.rows import webhooks
from synnefo_tx.identity.keys import drop_old, marks_of, promote, rotate_keys, seals_since
from synnefo_tx.identity.rows import credentials
from synnefo_tx.identity.secret_box import SecretBox, SecretGarbled
from synnefo_tx.openid.rows import keys as signing_keys

TOKENS, CREDENTIALS = "tokens", "credentials"
LEARNT_S = 60  # by then every worker knows the keys of the rotation before

_of = click.option(
    "--of",
    "what",
    type=click.Choice([TOKENS, CREDENTIALS]),
    default=TOKENS,
    show_default=True,
    help="What they seal.",
)


@click.group()
def key() -> None:
    """
    The keys that seal tokens, and secrets that must be read again.
    """


@key.command("list")
@_of
@shaped
@click.pass_context
def key_list(context: click.Context, what: str, form: str, fields: str) -> None:
    """
    Which there are, what each is for, and since when.  Keys themselves are never shown.
    """
    found = sorted((int(name), at_ns) for name, _, at_ns in marks_of(_folder(context.obj(), what)))
    sealing = max(number for number, _ in found)
    rows = [
        {
            "number": number,
            "use": "next" if number == 0 else "seals" if number == sealing else "opens",
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ns // 10**9)),
        }
        for number, at_ns in found
    ]
    show_rows(rows, shape_of(form, fields), ("number", "use", "since"))


@key.command("rotate")
@_of
@click.option("--keep", type=click.IntRange(2), default=3, show_default=True, help="So many.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def key_rotate(context: click.Context, what: str, keep: int, yes: bool) -> None:
    """
    The next key seals from now on, and the oldest beyond --keep goes: tokens that it sealed end;
    secrets are sealed anew before.
    """
    door: Door = context.obj()
    if not yes:
        click.confirm(f"Rotate the keys of {what}?", abort=True)
    if what == TOKENS:
        entry = door.entry("identity:rotate_token_keys", "token_keys", "", keep=keep)
        door.write(entry, lambda _connection: rotate_keys(_folder(door, what), keep))
    else:
        _rotate_credential_keys(door, max(keep, 3))


def _rotate_credential_keys(door: Door, keep: int) -> None:
    """
    Workers go on to seal with the key before for some seconds, so that one stays in any case, and
    is followed by another no sooner than they know it.  Raises Failed.
    """
    folder = _folder(door, CREDENTIALS)
    if len(marks_of(folder)) > 2 and time.time() - seals_since(folder) < LEARNT_S:
        raise Failed(f"The last rotation was less than {LEARNT_S} s ago.")
    entry = door.entry("identity:rotate_credential_keys", "credential_keys", "", keep=keep)
    held = door.write(entry, lambda _connection: promote(folder))
    try:
        _seal_all(door, SecretBox(held).seal_anew)
    except SecretGarbled as error:
        raise Failed(f"No key opens {error}; every key stays.") from error
    drop_old(folder, keep)


def _seal_all(door: Door, seal: Callable[[str], str]) -> None:
    door.change(signing_keys.seal_anew, seal)
    for unit in (credentials.seal_anew, webhooks.seal_anew):
        after: str | None = ""
        while after is not None:
            after = door.change(unit, seal, after)


def _folder(door: Door, what: str) -> Path:
    settings = door.settings
    return Path(settings.token_keys) if what == TOKENS else settings.secret_keys_directory


def add_all(main: click.Group) -> None:
    """
    The command.
    """
    main.add_command(key)
