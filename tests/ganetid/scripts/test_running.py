"""
Scripts of others: run clean, logged, and ended when they don't end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ganetid.scripts.logged import Lines, Logbook, LoggedFailure
from ganetid.scripts.logs import new_log
from ganetid.scripts.names import directory_of, is_plain, names_in
from ganetid.scripts.running import PATH, Script, ScriptFailed, run_script


def directory_for(test: Any) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="scr"))
    test.addCleanup(shutil.rmtree, directory, ignore_errors=True)
    return directory


def write(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


class NameTests(SynchronousTestCase):
    """Which names plug-ins may have."""

    def test_no_way_out(self) -> None:
        """Nothing that leads elsewhere is a name; everything that Ganeti takes is."""
        for bad in ("", ".", "..", "../x", "a/b", "a.b", "a\n", "/etc", "é", "a b"):
            self.assertFalse(is_plain(bad), bad)
        self.assertTrue(is_plain("Some_name-7"))

    def test_search(self) -> None:
        """The first place that has it counts; files are no plug-ins."""
        here = directory_for(self)
        (here / "a" / "file").parent.mkdir()
        (here / "a" / "file").touch()
        (here / "b" / "one").mkdir(parents=True)
        (here / "c" / "one").mkdir(parents=True)
        (here / "outside").mkdir()
        places = [here / "a", here / "b", here / "c", here / "absent"]
        self.assertEqual(directory_of("one", places), here / "b" / "one")
        self.assertIsNone(directory_of("file", places))
        self.assertIsNone(directory_of("../outside", places))
        self.assertEqual(names_in(places), ["file", "one"])


class LineTests(SynchronousTestCase):
    """Output as lines."""

    def test_any_chunks(self) -> None:
        """Lines come whole however they are cut; an endless one comes in pieces."""
        said: list[str] = []
        lines = Lines(said.append)
        for piece in (b"on", b"e\ntw", b"o\r\n\nthr", b"ee"):
            lines.add(piece)
        lines.end()
        self.assertEqual(said, ["one", "two", "three"])
        lines.add(b"x" * 10000)
        self.assertEqual([len(each) for each in said[3:]], [4096, 4096])


class ScriptCase(TestCase):
    """Makes scripts."""

    timeout = 30

    def script(self, body: str, **more: Any) -> Script:
        self.directory = directory_for(self)
        program = write(self.directory / "script", body)
        more.setdefault("environment", {"PATH": PATH, "ONE": "1"})
        return Script(
            program, directory=self.directory, timeout_s=more.pop("timeout_s", 20), **more
        )

    def check(self, work: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(work)


class RunningTests(ScriptCase):
    """One script at work."""

    def test_environment(self) -> Deferred[None]:
        """It has just the environment that it is given, and works where it is told to."""

        async def check() -> None:
            os.environ["SECRET_OF_OURS"] = "x"
            self.addCleanup(os.environ.pop, "SECRET_OF_OURS")
            said = bytearray()
            script = self.script("env; pwd; cat")
            await run_script(reactor, script, lambda number, data: said.extend(data))
            here = str(self.directory)
            self.assertEqual(
                sorted(said.decode().split("\n")),
                sorted(["", here, f"PATH={PATH}", "ONE=1", f"PWD={here}"]),
            )

        return self.check(check())

    def test_failures(self) -> Deferred[None]:
        """How it failed is told in Ganeti's words."""

        async def check() -> None:
            for body, reason in (
                ("exit 3", "exited with exit code 3"),
                ("kill -9 $$", "terminated by signal 9"),
            ):
                error = await self.assertFailure(
                    Deferred.fromCoroutine(run_script(reactor, self.script(body))), ScriptFailed
                )
                self.assertEqual(error.reason, reason)
            script = self.script("exit 0")
            script.program.chmod(0o644)
            await self.assertFailure(
                Deferred.fromCoroutine(run_script(reactor, script)), ScriptFailed
            )

        return self.check(check())

    def test_time_out(self) -> Deferred[None]:
        """After the time-out it is gone, with what it started."""

        async def check() -> None:
            script = self.script("sleep 60 & echo $! >child; wait", timeout_s=0.5)
            begun = time.monotonic()
            error = await self.assertFailure(
                Deferred.fromCoroutine(run_script(reactor, script)), ScriptFailed
            )
            self.assertEqual(error.reason, "terminated after timeout of 0.50 seconds")
            self.assertLess(time.monotonic() - begun, 5)
            child = int((self.directory / "child").read_text())
            status = Path(f"/proc/{child}/stat")
            gone = not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"
            self.assertTrue(gone)

        return self.check(check())

    def test_leaves_a_daemon(self) -> Deferred[None]:
        """What a script leaves running is not waited for, and lives on."""

        async def check() -> None:
            script = self.script("sleep 20 & echo $! >child")
            begun = time.monotonic()
            await run_script(reactor, script)
            self.assertLess(time.monotonic() - begun, 5)
            child = int((self.directory / "child").read_text())
            os.kill(child, 15)  # fails when it is gone

        return self.check(check())


class LogbookTests(ScriptCase):
    """Scripts with log files."""

    def test_log_and_lines(self) -> Deferred[None]:
        """Lines are told at once and are all in the log, which is private."""

        async def check() -> None:
            script = self.script("echo one; echo two >&2; sleep 0.3; seq 2000")
            heard: list[str] = []
            book = Logbook(reactor, self.directory / "log")
            done = await book.listen(script, "add-some/os-../i", heard.append)
            self.assertEqual(done.log.parent, self.directory / "log")
            self.assertEqual(done.log.stat().st_mode & 0o777, 0o600)
            self.assertEqual(sorted(done.log.read_text().split()), sorted(heard))
            self.assertEqual(len(heard), 2002)

        return self.check(check())

    def test_failure_names_the_log(self) -> Deferred[None]:
        """Who fails is told with its last lines and the log's name."""

        async def check() -> None:
            script = self.script("seq 30; exit 5")
            book = Logbook(reactor, self.directory / "log")
            error = await self.assertFailure(
                Deferred.fromCoroutine(book.run(script, "x")), LoggedFailure
            )
            self.assertEqual(error.reason, "exited with exit code 5")
            self.assertEqual(error.lines, [str(n) for n in range(11, 31)])
            self.assertEqual(len(error.log.read_text().split()), 30)

        return self.check(check())

    def test_asked(self) -> Deferred[None]:
        """Standard output is the answer; both outputs are in the log."""

        async def check() -> None:
            script = self.script("echo answer; echo remark >&2")
            done = await Logbook(reactor, self.directory / "log").ask(script, "x")
            self.assertEqual(done.output, "answer\n")
            self.assertEqual(done.log.read_text(), "remark\nanswer\n")

        return self.check(check())

    def test_unwritable(self) -> Deferred[None]:
        """Without a log nothing is run."""

        async def check() -> None:
            script = self.script("touch ran")
            (self.directory / "log").touch()
            book = Logbook(reactor, self.directory / "log")
            await self.assertFailure(Deferred.fromCoroutine(book.run(script, "x")), LoggedFailure)
            self.assertFalse((self.directory / "ran").exists())

        return self.check(check())

    def test_same_second(self) -> None:
        """Two runs in one second have two logs."""
        directory = directory_for(self)
        found = [new_log(directory, "a", 0.0) for _ in range(2)]
        for _, handle in found:
            os.close(handle)
        self.assertEqual(found[0][0].name, "a-1970-01-01_00_00_00.log")
        self.assertNotEqual(found[0][0], found[1][0])
