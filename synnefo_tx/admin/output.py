"""
What a command has found, as a table, JSON or CSV.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import click
from attrs import frozen
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from synnefo_tx.admin.failures import WRONG_INPUT, Failed

Row = dict[str, Any]


@frozen
class Shape:
    """
    How it is shown.  fields: columns, in this order; none: the usual ones.
    """

    form: str = "table"
    fields: tuple[str, ...] = ()


def shaped(command: Callable[..., Any]) -> Callable[..., Any]:
    """
    Gives a command `form` and `fields`.
    """
    form = click.option(
        "-F",
        "--format",
        "form",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
    )
    fields = click.option(
        "-o",
        "--output",
        "fields",
        metavar="FIELDS",
        default="",
        help="Which fields, parted by commas.",
    )
    return form(fields(command))


def shape_of(form: str, fields: str) -> Shape:
    """
    Of the two options.
    """
    return Shape(form, tuple(one.strip() for one in fields.split(",") if one.strip()))


def show_rows(rows: Sequence[Row], shape: Shape, usual: Sequence[str]) -> None:
    """
    A list.  usual: the columns when none are asked for; of JSON all.
    """
    if shape.form == "json" and not shape.fields:
        click.echo(json.dumps(list(rows), indent=2, default=str))
        return
    columns = _columns(rows, shape, usual)
    cut = [{name: row.get(name) for name in columns} for row in rows]
    if shape.form == "json":
        click.echo(json.dumps(cut, indent=2, default=str))
    elif shape.form == "csv":
        _csv(columns, [[_text(value) for value in row.values()] for row in cut])
    else:
        _table(columns, [[_text(value) for value in row.values()] for row in cut])


def show_one(row: Row, shape: Shape) -> None:
    """
    One thing, a line a field.
    """
    names = _columns([row], shape, list(row))
    cut = {name: row.get(name) for name in names}
    if shape.form == "json":
        click.echo(json.dumps(cut, indent=2, default=str))
        return
    lines = [[name, _text(value)] for name, value in cut.items()]
    (_csv if shape.form == "csv" else _table)(["field", "value"], lines)


def _columns(rows: Sequence[Row], shape: Shape, usual: Sequence[str]) -> list[str]:
    known = {name for row in rows for name in row} | set(usual)
    for name in shape.fields:
        if rows and name not in known:
            there = ", ".join(sorted(known))
            raise Failed(f"-o: there is no field {name!r}; there are {there}", WRONG_INPUT)
    return list(shape.fields or usual)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _csv(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([columns, *lines])
    click.echo(text.getvalue(), nl=False)


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = Table(box=box.ASCII2)
    for name in columns:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*(Text(one) for one in line))
    text = io.StringIO()
    console = Console(file=text, width=_width(), highlight=False)
    console.print(table)
    click.echo(text.getvalue(), nl=False)


def _width() -> int:
    console = Console()
    return console.width if console.is_terminal else 400
