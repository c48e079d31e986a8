"""
Ganeti's OS interface: the scripts of an operating system, run on the instance's node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThread

from ganetid.opcodes.errors import WRONG_INPUT, OpExecError, OpPrereqError
from ganetid.os.definition import (
    SEARCH_PATH,
    BadOs,
    OsDefinition,
    check_parameters,
    check_variant,
    name_of,
    os_named,
)
from ganetid.os.environment import (
    Environment,
    core_environment,
    instance_environment,
    transfer_part,
)
from ganetid.os.task import OsTask
from ganetid.scripts.logged import Logbook, LoggedFailure
from ganetid.scripts.running import STDIN, STDOUT, Script

TIMEOUT_S = 4 * 3600.0  # Ganeti has none; a large image over a slow line is done by then
VERIFY_TIMEOUT_S = 120.0
SIZE_DESCRIPTOR = 3

OnLine = Callable[[str], None]


def ignore_line(line: str) -> None:
    """Nobody listens."""


@frozen
class ScriptedSystems:
    """
    The operating systems of this node's administrator.

    Every script works in its own directory, and what it says is in a log file of `logs`.
    Failures are OpExecError in Ganeti's words, with the log's name.
    """

    logs: Logbook
    search_path: Iterable[Path] = SEARCH_PATH
    timeout_s: float = TIMEOUT_S

    async def verify(
        self, os_type: str, parameters: Mapping[str, str], force_variant: bool = False
    ) -> None:
        """
        Check variant and parameters, at last by the system's own ``verify``.

        Raises OpPrereqError.
        """
        try:
            definition = await self._definition(os_type)
            if not force_variant:
                check_variant(definition, os_type)
            check_parameters(definition, parameters)
        except BadOs as error:
            raise OpPrereqError(f"OS Parameters validation failed: {error}", WRONG_INPUT) from error
        environment = core_environment(definition, os_type, parameters)
        script = self._script(definition, "verify", environment, ("parameters",))
        try:
            await self.logs.run(script, f"verify-{os_type}")
        except LoggedFailure as error:
            output = "\n".join(error.lines)
            raise OpPrereqError(
                "OS Parameters validation failed: OS validation script failed"
                f" ({error.reason}), output: {output}",
                WRONG_INPUT,
            ) from error

    async def create(
        self, task: OsTask, on_line: OnLine = ignore_line, reinstall: bool = False
    ) -> None:
        """Put the system on the instance's disks.  on_line: gets each line that it says."""
        told = {"INSTANCE_REINSTALL": "1"} if reinstall else {}
        stem = f"{'reinstall' if reinstall else 'add'}-{_stem(task)}"
        await self._run(task, "create", told, stem, on_line)

    async def rename(self, task: OsTask, old_name: str, on_line: OnLine = ignore_line) -> None:
        """The instance, which has its new name, was called otherwise."""
        told = {"OLD_INSTANCE_NAME": old_name}
        stem = f"rename-{task.instance.os_type}-{old_name}-{task.instance.name}"
        await self._run(task, "rename", told, stem, on_line)

    async def export(self, task: OsTask, index: int, output: int) -> None:
        """
        Write an image of disk number `index` to the open descriptor `output`.
        """
        told = transfer_part("EXPORT", index, task.disks[index])
        told["EXP_SIZE_FD"] = str(SIZE_DESCRIPTOR)
        stem = f"export-{_stem(task)}-disk{index}"
        await self._run(task, "export", told, stem, None, {STDOUT: output})

    async def import_image(self, task: OsTask, index: int, source: int) -> None:
        """
        Make disk number `index` of the image that the open descriptor `source` gives.
        """
        told = transfer_part("IMPORT", index, task.disks[index])
        stem = f"import-{_stem(task)}-disk{index}"
        await self._run(task, "import", told, stem, None, {STDIN: source})

    async def _definition(self, os_type: str) -> OsDefinition:
        return await deferToThread(os_named, name_of(os_type), tuple(self.search_path))

    async def _run(
        self,
        task: OsTask,
        action: str,
        told: Environment,
        stem: str,
        on_line: OnLine | None,
        descriptors: Mapping[int, int] | None = None,
    ) -> None:
        try:
            definition = await self._definition(task.instance.os_type)
        except BadOs as error:
            raise OpExecError(str(error)) from error
        environment = {**instance_environment(definition, task), **told}
        script = self._script(definition, action, environment, (), descriptors or {})
        try:
            if on_line is None:
                await self.logs.run(script, stem)
            else:
                await self.logs.listen(script, stem, on_line)
        except LoggedFailure as error:
            where = f", see {error.log}" if error.log else ""
            lines = "\n".join(error.lines)
            raise OpExecError(
                f"OS {action} script failed ({error.reason}{where}), last lines in the log"
                f" file:\n{lines}"
            ) from error

    def _script(
        self,
        definition: OsDefinition,
        action: str,
        environment: Environment,
        arguments: tuple[str, ...] = (),
        descriptors: Mapping[int, int] | None = None,
    ) -> Script:
        directory = Path(definition.directory or "")
        more: dict[str, Any] = {}
        if action == "export":
            more["also_read"] = (SIZE_DESCRIPTOR,)
        return Script(
            directory / action,
            environment,
            directory,
            VERIFY_TIMEOUT_S if action == "verify" else self.timeout_s,
            arguments,
            descriptors or {},
            **more,
        )


def _stem(task: OsTask) -> str:
    return f"{task.instance.os_type}-{task.instance.name}"
