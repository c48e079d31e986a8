"""
An operating system in a few lines of shell, and an instance that has it.
"""

from __future__ import annotations

from pathlib import Path

from ganetid.cluster.defaults import BEPARAMS, HVPARAMS, filled
from ganetid.cluster.model import Connection, Disk, Instance, Network, Nic
from tests.ganetid.scripts.test_running import write

SCRIPTS = ("create", "import", "export", "rename", "verify")
NETWORK = Network(
    "net",
    "n-u",
    "10.1.0.0/24",
    0.0,
    0.0,
    gateway="10.1.0.1",
    connections=(Connection("default", "bridged", "br7", ".100"),),
)
INSTANCE = Instance(
    name="web.example",
    uuid="8a1f0b0e-0000-4000-8000-000000000001",
    os_type="debian+small",
    hypervisor="kvm",
    disk_template="ext",
    disks=(Disk("vol", "d-u", 8, provider="nas"),),
    nics=(Nic("eth", "c-u", "aa:00:01:00:00:01", "10.1.0.5", "net", "bridged", "br7"),),
    beparams=filled({}, BEPARAMS),
    hvparams=filled({}, HVPARAMS),
    osparams={},
    admin_state="up",
    ctime=1.5,
    mtime=2.5,
)


def write_system(search_path: Path, name: str, bodies: dict[str, str] | None = None) -> Path:
    """Make a whole operating system; its scripts do nothing but what `bodies` say."""
    directory = search_path / name
    for script in SCRIPTS:
        write(directory / script, (bodies or {}).get(script, "exit 0"))
    (directory / "ganeti_api_version").write_text("20\n15\n")
    (directory / "variants.list").write_text("# a comment\nsmall\n\nlarge\n")
    (directory / "parameters.list").write_text("dhcp  Ask by DHCP\npassword root's\n")
    return directory
