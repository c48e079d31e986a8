"""
The files of a guest's run.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

OWN = "own"


@frozen
class Places:
    """
    directory: of the run, all but the serial log and the UEFI variables are in it.
    own: a directory in it that stays the guest's user's; the rest is ours as soon as QEMU is up.
    asleep: where a guest's memory is taken when it is put to sleep.
    started: what is kept of how the guest was started.  arriving: there while the guest is not
    known to have come here whole.
    """

    pid: str
    qmp: str
    serial: str
    serial_log: str
    vnc: str
    log: str
    agent: str = ""
    nvram: str = ""
    started: str = ""
    arriving: str = ""
    migration: str = ""
    asleep: str = ""
    tls: str = ""
    directory: str = ""
    own: str = ""


def places_in(directory: Path, console_log: Path) -> Places:
    """The places of a run whose files are in `directory`."""
    return Places(
        pid=str(directory / OWN / "qemu.pid"),
        qmp=str(directory / "qmp.sock"),
        serial=str(directory / "serial.sock"),
        serial_log=str(console_log),
        vnc=str(directory / "vnc.sock"),
        log=str(directory / "qemu.log"),
        agent=str(directory / "agent.sock"),
        nvram=str(console_log.parent / "nvram.fd"),
        started=str(directory / "started.json"),
        arriving=str(directory / "arriving"),
        migration=str(directory / OWN / "move.sock"),
        asleep=str(directory / "asleep.sock"),
        tls=str(directory / OWN / "tls"),
        directory=str(directory),
        own=str(directory / OWN),
    )
