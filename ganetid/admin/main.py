"""
``ganetid-admin``: what the remote API has no call for.
"""

from __future__ import annotations

import click

from ganetid.admin import cluster, nodes, watching
from ganetid.admin.session import CONFIG, session_of


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    envvar="GANETID_CONFIG",
    default=CONFIG,
    show_default=True,
    help="Settings of the daemon on this machine.",
)
@click.version_option(package_name="synnefo-tx", prog_name="ganetid-admin")
@click.pass_context
def main(context: click.Context, config: str) -> None:
    """
    Make a cluster, let machines join it, and hand the master's role on.

    Works on the daemon of this machine; whoever may read its state directory may use it.
    """
    context.obj = lambda: session_of(config)


for group in (cluster, nodes, watching):
    for each in group.COMMANDS:
        main.add_command(each)
