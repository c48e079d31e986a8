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


@click.command(name="master-failover")
@click.option(
    "--no-voting",
    "forced",
    is_flag=True,
    help="Do without the votes of nodes that don't answer.  They, the former master among them,"
    " must be down for certain; changes that only they know are lost.",
)
@click.pass_obj
def master_failover(obtain: Callable[[], Session], forced: bool) -> None:
    """
    Make this machine the master; on a master candidate.

    The former master ends its work first if it answers.  Otherwise a majority of the nodes has to
    say that it is gone, and that this candidate has every acknowledged change.

    A master that hears too few nodes acknowledges no changes, for they may have chosen another
    one; with --no-voting it goes on.
    """
    obtain().ask("take-over", {"forced": forced})
    click.echo("this machine is the master now")


@click.command(name="renew-crypto")
@click.pass_obj
def renew_crypto(obtain: Callable[[], Session]) -> None:
    """
    New keys and certificates for all nodes, of a new authority; on the master.

    All nodes that are not marked offline have to be there.  Works as a job, whose id is printed.
    """
    answer = obtain().ask("submit", {"op": "OP_CLUSTER_RENEW_CRYPTO"})
    click.echo(f"job {answer['job']}")


COMMANDS = (init, status, master_failover, renew_crypto)
