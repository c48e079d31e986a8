"""
Commands on nodes: node add, node join.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import msgspec

from ganetid.admin.session import Session, tell_master
from ganetid.node.assemble import Directories
from ganetid.node.membership import Membership
from ganetid.node.rpc.authority import Identity, KeyFiles, new_request
from ganetid.node.rpc.joining import Joined, Joining, token_from


@click.group()
def node() -> None:
    """Let machines into the cluster."""


@node.command()
@click.argument("name")
@click.option("--group", help="The node group it joins; the first one if not given.")
@click.option("--readd", is_flag=True, help="A node of the cluster comes back, made anew.")
@click.pass_obj
def add(obtain: Callable[[], Session], name: str, group: str | None, readd: bool) -> None:
    """
    Invite a machine; on the master.

    Prints a token for `ganetid-admin node join` on that machine, which counts once, within an
    hour.
    """
    given = {"name": name, "group": group, "readd": readd}
    click.echo(obtain().ask("invite", given)["token"])


@node.command()
@click.option("--token", help="What `node add` printed.")
@click.option("--token-stdin", "is_read", is_flag=True, help="Read it, so that nobody sees it.")
@click.pass_obj
def join(obtain: Callable[[], Session], token: str | None, is_read: bool) -> None:
    """
    Join a cluster; on the machine that was invited, before its daemon is started.

    The settings need node_port and an address in node_host or node_address that the master
    reaches.
    """
    session = obtain()
    settings = session.settings
    if not settings.node_port:
        raise click.ClickException("node_port: a node needs a port that is known beforehand")
    try:
        invited = token_from(sys.stdin.readline().strip() if is_read else token or "")
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if invited.name != settings.name_of_node():
        raise click.ClickException(
            f"the token is for node {invited.name}, this is {settings.name_of_node()}"
        )
    key, request = new_request(invited.name)
    address = (settings.node_address or settings.node_host, settings.node_port)
    joining = Joining(invited.name, invited.secret, request, address)
    answer = tell_master(invited, "join", msgspec.json.encode(joining))
    joined = msgspec.json.decode(answer, type=Joined)
    Directories(session.state).make()
    keys = KeyFiles(session.state / "tls")
    Membership(invited.name, session.state / "membership.json").keep(joined.view)
    keys.write_identity(Identity(joined.certificate, key, joined.authority))
    click.echo(f"joined {joined.view.cluster}; now start ganetid here: job {joined.job} waits")


@node.command()
@click.argument("name")
@click.pass_obj
def remove(obtain: Callable[[], Session], name: str) -> None:
    """Take an empty node out of the cluster, by a job; on the master."""
    answer = obtain().ask("submit", {"op": "OP_NODE_REMOVE", "given": {"node_name": name}})
    click.echo(f"job {answer['job']}")


@node.command()
@click.argument("name")
@click.argument("what", type=click.Choice(["on", "off", "cycle", "status"]))
@click.pass_obj
def power(obtain: Callable[[], Session], name: str, what: str) -> None:
    """
    Switch a node's power, by a job; on the master.

    The program oob_program of the node's parameters does it; before off the node has to be marked
    offline.
    """
    given = {"node_names": [name], "command": f"power-{what}"}
    answer = obtain().ask("submit", {"op": "OP_OOB_COMMAND", "given": given})
    click.echo(f"job {answer['job']}")


COMMANDS = (node,)
