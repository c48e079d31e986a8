"""
The files of a guest's run.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen


@frozen
class Places:
    """
    directory: of the run, all but the serial log and the UEFI variables are in it.
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
    tls: str = ""
    directory: str = ""


def places_in(directory: Path, console_log: Path) -> Places:
    """The places of a run whose files are in `directory`."""
    return Places(
        pid=str(directory / "qemu.pid"),
        qmp=str(directory / "qmp.sock"),
        serial=str(directory / "serial.sock"),
        serial_log=str(console_log),
        vnc=str(directory / "vnc.sock"),
        log=str(directory / "qemu.log"),
        agent=str(directory / "agent.sock"),
        nvram=str(console_log.parent / "nvram.fd"),
        started=str(directory / "started.json"),
        arriving=str(directory / "arriving"),
        migration=str(directory / "move.sock"),
        tls=str(directory / "tls"),
        directory=str(directory),
    )
