"""
The Ganeti clusters that the cloud's servers are on.
"""

from __future__ import annotations

import sys
from typing import Any

import click
from twisted.internet.defer import Deferred

from synnefo_tx.admin.door import Door, value_of
from synnefo_tx.admin.failures import WRONG_INPUT, Failed
from synnefo_tx.admin.output import shape_of, shaped, show_one, show_rows
from synnefo_tx.cluster.interface import ClusterAway, ClusterRefused
from synnefo_tx.cluster.rapi import Address
from synnefo_tx.compute.rows import known_clusters
from synnefo_tx.reconcile.blocking import BlockingReader

COLUMNS = ("id", "name", "rapi_url", "drained", "servers")
_NAMED = click.argument("named", metavar="CLUSTER")


@click.group()
def cluster() -> None:
    """
    Clusters, reached by Ganeti's remote API.
    """


@cluster.command("list")
@shaped
@click.pass_context
def cluster_list(context: click.Context, form: str, fields: str) -> None:
    """
    List them, each with the number of its servers.
    """
    show_rows(context.obj().read(known_clusters.every), shape_of(form, fields), COLUMNS)


@cluster.command("show")
@_NAMED
@shaped
@click.pass_context
def cluster_show(context: click.Context, named: str, form: str, fields: str) -> None:
    """
    Show one, by name or id.
    """
    show_one(context.obj().read(known_clusters.named, named), shape_of(form, fields))


@cluster.command("add")
@click.argument("name")
@click.argument("rapi_url")
@click.option("--user", default="synnefo", show_default=True, help="Of its remote API.")
@click.option("--stdin", is_flag=True, help="Read the password from there, and don't ask.")
@click.option("--ca-file", help="PEM of the certificate that it must show.")
@click.option("--console-url", help="Where its console proxy is reached.")
@click.option("--unseen", is_flag=True, help="Don't ask the cluster first whether it answers.")
@click.pass_context
def cluster_add(
    context: click.Context, /, name: str, rapi_url: str, stdin: bool, unseen: bool, **given: Any
) -> None:
    """
    Enter a cluster, which takes new servers at once.  Its networks come with its first servers.
    """
    if stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True)
    new = known_clusters.NewCluster(
        name=name,
        rapi_url=rapi_url.rstrip("/"),
        rapi_user=given["user"],
        rapi_password=password,
        ca_file=given["ca_file"],
        console_url=given["console_url"],
    )
    if not unseen:
        _see(new)
    door: Door = context.obj()
    entry = door.entry("cloud:add_cluster", "cluster", name, rapi_url=new.rapi_url)
    click.echo(door.write(entry, known_clusters.enter, new))


def _see(new: known_clusters.NewCluster) -> None:
    address = Address(new.rapi_url, new.rapi_user, new.rapi_password, new.ca_file)
    try:
        value_of(Deferred.fromCoroutine(BlockingReader(address).get("/2/info", {})))
    except (ClusterAway, ClusterRefused) as error:
        raise Failed(f"The cluster does not answer as it should: {error}", WRONG_INPUT) from error


def _draining(verb: str, drained: bool, text: str) -> click.Command:
    @click.command(verb, help=text)
    @_NAMED
    @click.pass_context
    def command(context: click.Context, named: str) -> None:
        door: Door = context.obj()
        cluster_id = door.read(known_clusters.named, named)["id"]
        entry = door.entry(f"cloud:{verb}_cluster", "cluster", cluster_id)
        door.write(entry, known_clusters.drain, cluster_id, drained)

    return command


@cluster.command("remove")
@_NAMED
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def cluster_remove(context: click.Context, named: str, yes: bool) -> None:
    """
    Strike one out that never had servers; one that had is drained instead.
    """
    door: Door = context.obj()
    found = door.read(known_clusters.named, named)
    if not yes:
        click.confirm(f"Remove cluster {found['name']}?", abort=True)
    entry = door.entry("cloud:remove_cluster", "cluster", found["id"], name=found["name"])
    door.write(entry, known_clusters.strike_out, found["id"])


def add_all(main: click.Group) -> None:
    """
    The commands.
    """
    cluster.add_command(_draining("drain", True, "No new servers on it; those it has stay."))
    cluster.add_command(_draining("undrain", False, "It takes new servers again."))
    main.add_command(cluster)
