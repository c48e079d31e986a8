"""
The build of the image: small, cached, and the same when made again or by two at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.image.guest import CHECKOUT, image, why_not

LARGEST_BYTES = 64 << 20
COMMAND = [sys.executable, str(CHECKOUT / "tools/image")]


class BuildTests(SynchronousTestCase):
    """
    tools/image, run as make does.
    """

    skip = why_not()

    def test_small(self) -> None:
        """
        The disk is no larger than promised, and has the mark that a BIOS looks for.
        """
        disk = image().read_bytes()
        self.assertLessEqual(len(disk), LARGEST_BYTES)
        self.assertEqual(disk[510:512], b"\x55\xaa")

    def test_built_once(self) -> None:
        """
        The second call finds the same image and leaves it alone.
        """
        first = image()
        before = first.stat()
        self.assertEqual(image(), first)
        self.assertEqual(first.stat(), before)

    def test_path_only(self) -> None:
        """
        Asked for the path alone, nothing is built.
        """
        cache = Path(self.mktemp()).resolve()
        environment = {**os.environ, "SYNNEFO_CACHE": str(cache)}
        told = subprocess.run(
            [*COMMAND, "--path"], env=environment, check=True, capture_output=True, text=True
        )
        self.assertTrue(told.stdout.startswith(f"{cache}/image/synnefo-guest-"), told.stdout)
        self.assertFalse(cache.exists())

    def test_builds_at_once(self) -> None:
        """
        Two builds in one empty cache give one image, equal to that of a build in another cache.
        """
        debs = image().parents[1] / "debs"
        caches = [Path(self.mktemp()).resolve() / "image" for _ in range(2)]
        for cache in caches:
            cache.mkdir(parents=True)
            (cache / "debs").symlink_to(debs)
        builds = [
            subprocess.Popen(
                COMMAND,
                env={**os.environ, "SYNNEFO_CACHE": str(cache.parent)},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for cache in (caches[0], caches[0], caches[1])
        ]
        paths = [Path(build.communicate()[0].strip()) for build in builds]
        self.assertEqual(paths[0], paths[1])
        self.assertEqual(
            sorted(path.name for path in caches[0].iterdir()),
            ["debs", "lock", paths[0].parent.name],
        )
        same = paths[0].read_bytes() == paths[2].read_bytes()
        self.assertTrue(same, "two builds gave different bytes")
