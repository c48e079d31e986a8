"""
``make fuzz`` in its short form.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]


class GuidedTests(SynchronousTestCase):
    """python -m tests.fuzz"""

    if importlib.util.find_spec("atheris") is None:
        skip = "needs atheris, which has wheels for Python 3.11 on x86-64 only"

    def fuzzed(self, *targets: str, runs: int) -> tuple[int, str]:
        """Exit status and output."""
        cache = str(Path(self.mktemp()).resolve())
        more = {"FUZZ_RUNS": str(runs), "PYTHONPATH": str(ROOT), "SYNNEFO_CACHE": cache}
        environment = {**os.environ, **more}
        command = [sys.executable, "-m", "tests.fuzz", *targets]
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT
        )
        return ended.returncode, ended.stdout + ended.stderr

    def test_all_hold(self) -> None:
        """Every target holds for a while."""
        status, output = self.fuzzed(runs=int(os.environ.get("FUZZ_RUNS", "1000")))
        self.assertEqual(status, 0, output)
        self.assertEqual(output.count(": held, "), len(TARGETS), output)

    def test_defect_is_told(self) -> None:
        """A target that breaks is told by the exit status."""
        status, output = self.fuzzed("no_such_target", runs=1)
        self.assertEqual(status, 2, output)
        broken = "import sys, atheris\natheris.Setup(sys.argv, lambda data: 1 / 0)\natheris.Fuzz()"
        ended = subprocess.run(
            [sys.executable, "-c", broken, "-runs=2", f"-artifact_prefix={self.mktemp()}-"],
            capture_output=True,
            check=False,
        )
        self.assertNotEqual(ended.returncode, 0)
