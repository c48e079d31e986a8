"""
Commands on the watcher: watcher pause, watcher continue, watcher info.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from ganetid.admin.session import Session
from ganetid.node.watcher import is_paused, pause

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time span such as 90, 30m or 4h; as seconds."""

    name = "duration"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See click."""
        number, unit = (value[:-1], value[-1]) if value[-1:] in UNITS else (value, "s")
        try:
            seconds = float(number) * UNITS[unit]
        except ValueError:
            self.fail(f"{value!r} is not a time span like 30m or 4h", param, ctx)
        return seconds


@click.group()
def watcher() -> None:
    """What starts guests again that should run; on the master."""


@watcher.command(name="pause")
@click.argument("span", type=Duration())
@click.pass_obj
def pause_it(obtain: Callable[[], Session], span: float) -> None:
    """Let the watcher do nothing for a time, such as 4h."""
    pause(obtain().state, time.time() + span)
    click.echo("the watcher pauses")


@watcher.command(name="continue")
@click.pass_obj
def go_on(obtain: Callable[[], Session]) -> None:
    """Let the watcher go on."""
    pause(obtain().state, None)
    click.echo("the watcher goes on")


@watcher.command()
@click.pass_obj
def info(obtain: Callable[[], Session]) -> None:
    """Whether it pauses."""
    paused = is_paused(obtain().state, time.time())
    click.echo("the watcher pauses" if paused else "the watcher is not paused")


COMMANDS = (watcher,)
