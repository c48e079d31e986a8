"""
How a guest's process is ended: asked, told, or killed.
"""

from __future__ import annotations

from attrs import frozen

from ganetid.hypervisor.guest_run import GuestRun
from ganetid.hypervisor.values import State
from ganetid.opcodes.errors import HypervisorError

PRESS_AGAIN_S = 5.0
QUIT_PATIENCE_S = 3.0
KILL_PATIENCE_S = 10.0


@frozen
class Ending:
    """The end of one run."""

    run: GuestRun

    async def power_down(self, timeout_s: float) -> bool:
        """
        Press the power button, again every 5 s: a guest that is still booting misses it.

        Returns whether the guest went within the time.  A paused guest is let go on for it; one
        that crashed would never hear.
        """
        if self.run.state is State.CRASHED:
            return False
        if self.run.state is State.PAUSED:
            await self.run.ask_quietly("cont")
        left_s = timeout_s
        while left_s > 0 and not self.run.is_gone:
            await self.run.ask_quietly("system_powerdown")
            if await self.run.gone.within(min(PRESS_AGAIN_S, left_s)):
                return True
            left_s -= PRESS_AGAIN_S
        return self.run.is_gone

    async def at_once(self) -> None:
        """
        First so that QEMU flushes its disks, then by force.  Raises HypervisorError.

        A guest that is elsewhere has nothing to flush here: QEMU would wait for a volume that its
        daemon has handed over.
        """
        run = self.run
        if not run.is_gone and not run.is_elsewhere and await run.ask_quietly("quit"):
            await self._gone_within(QUIT_PATIENCE_S)
        if not run.is_gone:
            run.process.kill()
            if not await self._gone_within(KILL_PATIENCE_S):
                raise HypervisorError(f"The QEMU of {run.name} can't be killed")

    async def _gone_within(self, seconds: float) -> bool:
        return self.run.is_gone or await self.run.gone.within(seconds)
