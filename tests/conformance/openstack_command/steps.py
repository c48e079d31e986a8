"""
Commands and what they have to answer, as rows of tables.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.openstack_command.shell import Said, Shell, Who, shared_shell


@frozen
class Does:
    """
    It succeeds.
    """

    command: str

    def judge(self, case: SynchronousTestCase, said: Said) -> None:
        case.assertEqual(said.status, 0, (said.command, said.out, said.err))


@frozen(init=False)
class Gives:
    """
    It shows a thing with, among others, these fields.  Of a name, `_` stands for a space.
    """

    command: str
    fields: dict[str, Any]

    def __init__(self, command: str, **fields: Any) -> None:
        self.__attrs_init__(f"{command} -f json", fields)

    def judge(self, case: SynchronousTestCase, said: Said) -> None:
        Does(said.command).judge(case, said)
        found = {name.replace(" ", "_"): value for name, value in said.json.items()}
        shown = {name: found.get(name, "?") for name in self.fields}
        case.assertEqual((said.command, shown), (said.command, self.fields))


@frozen(init=False)
class Lists:
    """
    It lists things whose `column` has these values, in any order; `among`: others too.
    """

    command: str
    column: str
    values: list[Any]
    among: bool

    def __init__(self, command: str, column: str, *values: Any, among: bool = False) -> None:
        asked = f"{command} -f json"
        self.__attrs_init__(asked, column, list(values), among)

    def judge(self, case: SynchronousTestCase, said: Said) -> None:
        Does(said.command).judge(case, said)
        found = [row[self.column] for row in said.json]
        if self.among:
            found = [value for value in found if value in self.values]
        key = str
        case.assertEqual(
            (said.command, sorted(found, key=key)), (said.command, sorted(self.values, key=key))
        )


@frozen(init=False)
class Lacks:
    """
    It lists things, none of whose `column` has this value.
    """

    command: str
    column: str
    value: str

    def __init__(self, command: str, column: str, value: str) -> None:
        self.__attrs_init__(f"{command} -f json", column, value)

    def judge(self, case: SynchronousTestCase, said: Said) -> None:
        Does(said.command).judge(case, said)
        found = [row[self.column] for row in said.json]
        case.assertTrue(found, said.command)
        case.assertNotIn(self.value, found, said.command)


@frozen
class Fails:
    """
    It is refused with these words.
    """

    command: str
    words: str

    def judge(self, case: SynchronousTestCase, said: Said) -> None:
        case.assertNotEqual(said.status, 0, (said.command, said.out))
        case.assertIn(self.words, said.err, (said.command, said.err))


Step = Does | Gives | Lists | Lacks | Fails


class TypingCase(SynchronousTestCase):
    """
    A test case that types commands.
    """

    def setUp(self) -> None:
        self.shell: Shell = shared_shell()

    def steps(self, *steps: Step, who: Who | None = None) -> None:
        """
        Type each, in turn.
        """
        for step in steps:
            step.judge(self, self.shell.type(step.command, who))

    def value(self, command: str, name: str, who: Who | None = None) -> Any:
        """
        A field of what a command shows.
        """
        said = self.shell.type(f"{command} -f json", who)
        self.assertEqual(said.status, 0, (command, said.err))
        return said.json[name]
