"""
Power cuts on a real file system: ext4 in a file, copied while the daemon works.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.chaos import images
from tests.chaos.daemon import Daemon
from tests.chaos.mounts import LoopMount, cannot_loop
from tests.chaos.rounds import Chaos

PICTURES = int(os.environ.get("CHAOS_PICTURES", "3"))


class ImageTests(SynchronousTestCase):
    """What is on the disk at any instant."""

    def test_pictures(self) -> None:
        """Whatever instant is copied: flushed data is there, and every change whole or absent."""
        directory = tempfile.mkdtemp(prefix="images")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        if (reason := cannot_loop(directory)) is not None:
            raise SkipTest(reason)
        mount = LoopMount(f"{directory}/m", 512 << 20)
        self.addCleanup(mount.end)
        seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
        daemon = Daemon(directory, f"{mount.path}/state")
        self.addCleanup(daemon.end)
        daemon.start()
        chaos = Chaos(daemon, seed)
        chaos.populate()
        pictures = self.taken(chaos, mount, directory)
        daemon.stop()
        self.assertTrue(pictures, "no instant was quiet")
        for picture in pictures:
            self.assertEqual(images.check(picture, directory), [], f"seed {seed}")

    def taken(self, chaos: Chaos, mount: LoopMount, directory: str) -> list[images.Picture]:
        """Pictures of a daemon at work."""
        found = []
        for number in range(PICTURES):
            threads = chaos.start_work()
            images.pause(chaos.chance)
            try:
                image = f"{directory}/{number}.img"
                found.append(images.take(chaos.daemon, mount, chaos.world, image))
            except images.NotQuiet:
                chaos.world.count("not quiet")
            chaos.end_work(threads)
        return found
