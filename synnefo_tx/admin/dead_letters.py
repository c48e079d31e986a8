"""
News that the dispatcher could not take in, as the broker keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import click
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from synnefo_tx.admin.door import Door
from synnefo_tx.admin.failures import NOT_FOUND, UNUSABLE, Failed
from synnefo_tx.admin.output import shape_of, shaped, show_one, show_rows
from synnefo_tx.daemon.amqp.address import BadAddress
from synnefo_tx.daemon.amqp.bus import AmqpBus
from synnefo_tx.daemon.bus.interface import Delivery, NoSuchQueue
from synnefo_tx.daemon.bus.topology import standard_queues
from synnefo_tx.daemon.settings import SettingsError, load
from synnefo_tx.effect.plan import PREFIX
from synnefo_tx.processes.settings import DispatcherSettings

CONFIG = "/etc/synnefo/dispatcher.toml"
QUEUES = tuple(queue.name for queue in standard_queues(PREFIX))
PATIENCE_S = 30  # for the broker
MANY = 10_000

Ask = Callable[[AmqpBus], Coroutine[Any, Any, Any]]

_QUEUE = click.argument("queue", type=click.Choice(QUEUES))
_LIMIT = click.option("--limit", type=click.IntRange(1), default=100, show_default=True)


@click.group("dead-letter")
@click.option(
    "--dispatcher-config",
    envvar="SYNNEFO_DISPATCHER_CONFIG",
    default=CONFIG,
    show_default=True,
    help="Settings of the dispatcher, which tell where the broker is.",
)
@click.pass_context
def dead_letter(context: click.Context, dispatcher_config: str) -> None:
    """
    News that could not be read, each with its queue.  Not of an all-in-one cloud, which has no
    broker and keeps them until it stops.
    """
    context.meta["dispatcher_config"] = dispatcher_config


@dead_letter.command("list")
@click.argument("queues", metavar="[QUEUE]...", nargs=-1, type=click.Choice(QUEUES))
@_LIMIT
@shaped
@click.pass_context
def letters_list(
    context: click.Context, queues: tuple[str, ...], limit: int, form: str, fields: str
) -> None:
    """
    List them, the oldest of each queue first; they stay where they are.
    """

    async def ask(bus: AmqpBus) -> list[dict[str, Any]]:
        return [
            _shown(queue, number, letter)
            for queue in queues or QUEUES
            for number, letter in enumerate(await bus.dead_letters(queue, limit), 1)
        ]

    usual = ("queue", "number", "routing_key", "died_at", "body")
    show_rows(_over(context, ask), shape_of(form, fields), usual)


@dead_letter.command("show")
@_QUEUE
@click.argument("number", type=click.IntRange(1, MANY))
@shaped
@click.pass_context
def letters_show(context: click.Context, queue: str, number: int, form: str, fields: str) -> None:
    """
    Show one, by its place in the list.
    """

    async def ask(bus: AmqpBus) -> list[Delivery]:
        return await bus.dead_letters(queue, number)

    found = _over(context, ask)
    if len(found) < number:
        raise Failed(f"{queue} has {len(found)} dead letters.", NOT_FOUND)
    show_one(_shown(queue, number, found[-1]), shape_of(form, fields))


@dead_letter.command("replay")
@_QUEUE
@_LIMIT
@click.pass_context
def letters_replay(context: click.Context, queue: str, limit: int) -> None:
    """
    Publish the oldest again, each as it was; none is lost.  Says how many.
    """

    async def ask(bus: AmqpBus) -> int:
        return await bus.replay(queue, limit)

    _told_and_audited(context, "replay", queue, _over(context, ask))


@dead_letter.command("drop")
@_QUEUE
@_LIMIT
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def letters_drop(context: click.Context, queue: str, limit: int, yes: bool) -> None:
    """
    Lose the oldest for good.  Says how many.  What they told, `reconcile` finds.
    """
    if not yes:
        click.confirm(f"Drop up to {limit} dead letters of {queue}?", abort=True)

    async def ask(bus: AmqpBus) -> int:
        return await bus.drop(queue, limit)

    _told_and_audited(context, "drop", queue, _over(context, ask))


def _told_and_audited(context: click.Context, verb: str, queue: str, count: int) -> None:
    door: Door = context.obj()
    entry = door.entry(f"cloud:{verb}_dead_letters", "queue", queue, count=count)
    door.write(entry, lambda _connection: None)
    click.echo(count)


def _shown(queue: str, number: int, letter: Delivery) -> dict[str, Any]:
    [death, *_] = letter.headers.get("x-death") or [{}]
    return {
        "queue": queue,
        "number": number,
        "routing_key": letter.routing_key,
        "died_at": death.get("time"),
        "body": letter.body.decode(errors="backslashreplace"),
    }


def _over(context: click.Context, ask: Ask) -> Any:
    """
    What the broker answers, waited for in a reactor that runs once.  Raises Failed.
    """
    from twisted.internet import reactor  # installs itself: other commands need none

    try:
        settings = load(context.meta["dispatcher_config"], DispatcherSettings)
        bus = AmqpBus(reactor, settings.amqp_url)
    except (SettingsError, BadAddress) as error:
        raise Failed(str(error), UNUSABLE) from error
    ends: list[Any] = []
    running: Any = reactor
    running.callWhenRunning(lambda: _ask(running, bus, ask).addBoth(_end, running, ends))
    running.run()
    [end] = ends
    if isinstance(end, Failure):
        raise Failed(_why(end.value), UNUSABLE) from end.value
    return end


def _ask(reactor: Any, bus: AmqpBus, ask: Ask) -> Deferred[Any]:
    async def answered() -> Any:
        bus.startService()
        try:
            asked = Deferred.fromCoroutine(ask(bus))
            return await asked.addTimeout(PATIENCE_S, reactor)
        finally:
            await maybeDeferred(bus.stopService)

    return Deferred.fromCoroutine(answered())


def _end(result: Any, reactor: Any, ends: list[Any]) -> None:
    ends.append(result)
    reactor.stop()


def _why(error: BaseException | None) -> str:
    if isinstance(error, NoSuchQueue):
        return f"{error}: has a dispatcher been here?"
    return f"The broker does not answer: {type(error).__name__} {error}"


def add_all(main: click.Group) -> None:
    """
    The commands.
    """
    main.add_command(dead_letter)
