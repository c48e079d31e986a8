"""
Commands on the whole cluster: init, status.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import click

from ganetid.admin.session import Session
from ganetid.node.assemble import Directories
from ganetid.node.rpc.authority import KeyFiles, new_authority, new_identity
from synnefo_tx.daemon.private_files import write_private


@click.command()
@click.option("--user", default="admin", show_default=True, help="First user of the remote API.")
@click.pass_obj
def init(obtain: Callable[[], Session], user: str) -> None:
    """
    Make a new cluster, with this machine as its master.

    Makes the state directory, the cluster's certificate authority and, unless the users file is
    there already, a first user whose password is printed.  Start ganetid after that.
    """
    session = obtain()
    settings, state = session.settings, session.state
    if (state / "cluster.db").exists() or (state / "membership.json").exists():
        raise click.ClickException(f"{state} holds a cluster already")
    if settings.role == "node":
        raise click.ClickException('the settings say role = "node"')
    Directories(state).make()
    keys = KeyFiles(state / "tls")
    if settings.node_port is not None and keys.identity() is None:
        now = dt.datetime.now(dt.UTC)
        authority = new_authority(settings.cluster_name, now)
        keys.write_authority(authority)
        keys.write_identity(new_identity(authority, settings.name_of_node(), now))
    users = Path(settings.users_file)
    if not users.exists():
        password = secrets.token_urlsafe(18)
        write_private(users, f"{user} {password} read,write\n")
        click.echo(f"user {user} of the remote API has the password {password}")
    click.echo(f"cluster {settings.cluster_name} is made in {state}; now start ganetid")


@click.command()
@click.pass_obj
def status(obtain: Callable[[], Session]) -> None:
    """What the daemon on this machine knows of itself and its cluster, as JSON."""
    click.echo(json.dumps(obtain().ask("status"), indent=2))


COMMANDS = (init, status)
