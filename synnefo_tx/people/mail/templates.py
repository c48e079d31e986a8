"""
Texts of letters: `NAME.txt`, whose first line is `Subject: ...`, then an empty one, then the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

from attrs import frozen

from synnefo_tx.people.mail.fields import FIELDS

# What people have written themselves: shown as theirs, each line marked, so that nobody takes it
# for ours.
QUOTED = frozenset({"reason", "comments", "message", "data"})
LONGEST_LINE = 300
LONGEST_QUOTED = 4000
_SUBJECT = "Subject: "


class BadTemplate(ValueError):
    """
    A text that is no letter's.
    """


@frozen
class Text:
    """
    subject: one line.
    """

    subject: str
    body: str


@frozen
class Templates:
    """
    `load` them; `fill` one.
    """

    _known: Mapping[str, tuple[Template, Template]]
    _cloud: str

    @classmethod
    def load(cls, directory: str | None, cloud: str) -> Templates:
        """
        Ours, or those in `directory` that are named as ours.  cloud: what it is called.  Raises
        BadTemplate and OSError.
        """
        return cls({name: _read(name, directory) for name in FIELDS}, cloud)

    def fill(self, name: str, values: Mapping[str, str]) -> Text:
        """
        The letter.  Raises KeyError for one that is not known, or a value that is not there.
        """
        subject, body = self._known[name]
        told = {key: _safe(key, value) for key, value in values.items()}
        told["cloud"] = _line(self._cloud)
        return Text(_line(subject.substitute(told)), body.substitute(told))


def _read(name: str, directory: str | None) -> tuple[Template, Template]:
    file = f"{name}.txt"
    own = None if directory is None else Path(directory) / file
    if own is not None and own.exists():
        text = own.read_text(encoding="utf-8")
    else:
        text = (resources.files(__package__) / "templates" / file).read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    if not first.startswith(_SUBJECT) or not rest.startswith("\n"):
        raise BadTemplate(f"{file} does not begin with a subject and an empty line")
    parts = Template(first.removeprefix(_SUBJECT)), Template(rest.removeprefix("\n"))
    for part in parts:
        unknown = set(part.get_identifiers()) - FIELDS[name] - {"cloud"}
        if not part.is_valid() or unknown:
            raise BadTemplate(f"{file} names what it may not: {', '.join(sorted(unknown)) or '$'}")
    return parts


def _safe(key: str, value: str) -> str:
    if key == "url":
        return _clean(value)
    if key not in QUOTED:
        return _line(value)[:LONGEST_LINE]
    lines = [_clean(line) for line in value[:LONGEST_QUOTED].splitlines()]
    return "\n".join(f"> {line}".rstrip() for line in lines) or "> (nothing)"


def _line(text: str) -> str:
    """
    Without what ends a line, or moves the cursor.
    """
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
