"""
``synnefo-manage``: the cloud's users, projects, quotas and catalog, from the machine it runs on.
"""

from __future__ import annotations

import functools

import click

from synnefo_tx.admin import (
    audit,
    clusters,
    commissions,
    control,
    dead_letters,
    keys,
    limits,
    log_ins,
    people,
    quotas,
    reconcile,
    sign_up,
    things,
)
from synnefo_tx.admin.door import open_door
from synnefo_tx.admin.which_cloud import CONFIG

# Synnefo's names, where a dash for the space does not make ours of them.
ALIASES = {"user-add": "user-create", "project-add": "project-create", "group-add": "group-create"}


class Commands(click.Group):
    """
    "user-list", as Synnefo has it, is "user list".
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = ALIASES.get(args[0], args[0])
        group, dash, rest = name.partition("-")
        if dash and name not in self.commands and group in self.commands:
            args = [group, rest, *args[1:]]
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    envvar="SYNNEFO_API_CONFIG",
    help=f"Settings of the API on this machine; left out: {CONFIG}, or the all-in-one cloud of "
    "$SYNNEFO_STATE or ./var.",
)
@click.version_option(package_name="synnefo-tx", prog_name="synnefo-manage")
@click.pass_context
def main(context: click.Context, config: str | None) -> None:
    """
    Users, projects, roles, quotas and the catalog of this cloud.

    Works on the cloud's database with the rules of its API; whoever may read the API's settings is
    its administrator.  Exit status: 0 done, 1 refused, 2 wrong input, 3 not found, 4 differences
    were found and not fixed, 5 settings or database can't be used.
    """
    if context.obj is None:
        context.obj = functools.cache(functools.partial(open_door, config))


_PARTS = (
    things,
    limits,
    people,
    sign_up,
    log_ins,
    control,
    quotas,
    commissions,
    clusters,
    reconcile,
    dead_letters,
    keys,
    audit,
)
for each in _PARTS:
    each.add_all(main)
