"""
What a running guest uses, from QEMU and from the kernel.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.threads import deferToThread

from ganetid.hypervisor.guest_run import MIB, GuestRun
from ganetid.hypervisor.values import DriveStatistics, NicStatistics, Statistics


async def statistics(run: GuestRun) -> Statistics:
    """See IHypervisor.  Raises HypervisorError."""
    balloon = await run.ask("query-balloon")
    blocks = await run.ask("query-blockstats")
    netdevs = await taps_of(run)
    cpu_s, resident, nics = await deferToThread(_of_process, run.process.pid, netdevs)
    drives = [
        DriveStatistics(
            id=each["qdev"].rpartition("/peripheral/")[2].partition("/")[0],
            read_bytes=each["stats"]["rd_bytes"],
            written_bytes=each["stats"]["wr_bytes"],
            reads=each["stats"]["rd_operations"],
            writes=each["stats"]["wr_operations"],
            flushes=each["stats"]["flush_operations"],
        )
        for each in blocks
        if each.get("qdev")
    ]
    return Statistics(balloon["actual"] // MIB, resident, cpu_s, tuple(drives), nics)


async def taps_of(run: GuestRun) -> frozenset[str]:
    """Names of the guest's taps."""
    # QMP has no list of net back-ends; the monitor's text has them, one a line:
    #  \ nic-0-b: index=0,type=tap,ifname=tap0,script=no,...
    text: str = await run.ask("human-monitor-command", command_line="info network")
    words = (word for line in text.splitlines() for word in line.replace(" ", ",").split(","))
    return frozenset(word.removeprefix("ifname=") for word in words if word.startswith("ifname="))


def _of_process(pid: int, taps: frozenset[str]) -> tuple[float, int, tuple[NicStatistics, ...]]:
    """Processor seconds and resident bytes; zeros for a process that has just gone.  Blocks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0.0, 0, ()
    user, system = fields.rpartition(")")[2].split()[11:13]
    cpu_s = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return cpu_s, int(pages) * os.sysconf("SC_PAGE_SIZE"), _nics(pid, taps)


def _nics(pid: int, taps: frozenset[str]) -> tuple[NicStatistics, ...]:
    try:
        # of the process's network namespace, in which its taps are
        table = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii")
    except OSError:
        return ()
    found = []
    for line in table.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() in taps:
            values = [int(each) for each in numbers.split()]
            # what the tap sends is what the guest receives
            found.append(NicStatistics(name.strip(), values[8], values[0], values[9], values[1]))
    return tuple(found)
