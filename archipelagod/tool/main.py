"""
The command line: what is common to all subcommands.
"""

from __future__ import annotations

import functools

import click

from archipelagod.tool import backups, contents, transfer, upkeep, volumes
from archipelagod.tool.session import CONFIG, connected


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--endpoint",
    envvar="ARCHIPELAGO_ENDPOINT",
    help="unix:PATH, tcp:HOST:PORT or "
    "ssl:HOST:PORT:ca=FILE; as the daemon's settings say if not given.",
)
@click.option(
    "--secret-file",
    envvar="ARCHIPELAGO_SECRET_FILE",
    help="File with the secret that the daemon's clients share.",
)
@click.option(
    "--config",
    envvar="ARCHIPELAGO_CONFIG",
    default=CONFIG,
    show_default=True,
    help="Settings of the daemon, from which the two above are taken.",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.option(
    "--timeout",
    "timeout_s",
    default=60.0,
    show_default=True,
    help="Seconds to wait for an answer, or for news of long work.",
)
@click.version_option(package_name="synnefo-tx", prog_name="archipelago")
@click.pass_context
def main(
    context: click.Context,
    endpoint: str | None,
    secret_file: str | None,
    config: str,
    is_json: bool,
    timeout_s: float,
) -> None:
    """
    Volumes of an archipelago store: thin, cloned in no time, with snapshots.

    Sizes are bytes, or have a unit: 512M, 10G, 1T.  Completion for your shell:
    eval "$(_ARCHIPELAGO_COMPLETE=bash_source archipelago)".

    \b
    Exit codes: 0 done; 1 refused; 2 wrong command line; 3 no such volume; 4 exists already;
    5 busy; 6 the store is full; 7 storage can't be reached or failed; 8 wrong secret; 9 protected.
    """
    context.obj = functools.partial(
        connected, endpoint, secret_file, config, is_json=is_json, timeout_s=timeout_s
    )


for group in (volumes, contents, transfer, backups, upkeep):
    for each in group.COMMANDS:
        main.add_command(each)
