"""
The operating system ``image``: an image's content on the first disk, and what cloud-init asks for.

It is Synnefo's ``snf-image`` too, as far as that one's parameters are about what cloud-init does.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from attrs import evolve, frozen

from ganetid.cluster.model import Disk, Instance, Network
from ganetid.disks.archipelago import map_of
from ganetid.disks.interface import MIB, IDiskTemplate
from ganetid.disks.uris import address_of
from ganetid.guest.config_drive import LABEL
from ganetid.hypervisor.interface import Drive, NbdDrive
from ganetid.opcodes.errors import OpcodeError, OpExecError
from ganetid.os.definition import OsDefinition
from ganetid.os.guest_facts import GuestFacts, interfaces_of
from ganetid.os.progress import TASK_END, TASK_START, Tell, copied, failed, info, task
from ganetid.os.seed import NO_CLOUD_LABEL, Files, config_drive, no_cloud
from ganetid.os.task import OsTask
from ganetid.scripts.logged import Logbook, LoggedFailure
from ganetid.scripts.running import PATH, Script

ARCHIPELAGO = "archipelago"
QEMU_IMG = Path("/usr/bin/qemu-img")
COPY_TIMEOUT_S = 4 * 3600.0
PERCENT = re.compile(r"\((\d+(?:\.\d+)?)/100%\)")
PARAMETERS = (
    ("img_id", "image: a map of archipelago, also as pithosmap://<map>/<size>"),
    ("img_format", "accepted for Synnefo's sake"),
    ("img_properties", "accepted for Synnefo's sake"),
    ("config_url", "accepted for Synnefo's sake"),
    ("img_passwd_hash", "password of the default user, as in /etc/shadow"),
    ("hostname", "the guest's; by default the instance's name"),
    ("ssh_keys", "public keys of the default user, one a line"),
    ("user_data", "for cloud-init"),
    ("config_drive", "a whole config drive, which whoever calls us writes"),
    ("seed", "config-drive (the default), nocloud, or none"),
)
NAMES = ("image", "snf-image")
SEEDS = frozenset({"config-drive", "nocloud", "none"})

WriteDrive = Callable[[Instance, Files, str], Awaitable[None]]


def definitions() -> tuple[OsDefinition, ...]:
    """The built-in operating systems."""
    return tuple(OsDefinition(name, None, None, (20,), ("default",), PARAMETERS) for name in NAMES)


@frozen
class ImageSystem:
    """
    Makes instances of images.

    nbd_socket: archipelagod's, from which images are copied to disks that can't be clones.
    write_drive: writes the ISO (files, label) that belongs to the instance.
    """

    logs: Logbook
    nbd_socket: str | None
    write_drive: WriteDrive
    now: Callable[[], float]
    qemu_img: Path = QEMU_IMG

    async def create(
        self, done: OsTask, template: IDiskTemplate, tell: Tell, reinstall: bool = False
    ) -> None:
        """
        Put the image on the first disk, and write the seed.

        A disk that was made as a clone of its origin is done already.  Raises OpcodeError.
        """
        try:
            await self._create(done, template, tell, reinstall)
        except OpcodeError as error:
            tell(failed("The image could not be deployed", str(error.args[0]), self.now()))
            raise

    async def _create(
        self, done: OsTask, template: IDiskTemplate, tell: Tell, reinstall: bool
    ) -> None:
        instance = done.instance
        if instance.disks:
            await self._fill(done, template, tell, reinstall)
            await self._grow(instance, template, tell)
        seed = done.parameters.get("seed", "config-drive")
        if seed != "none" and "config_drive" not in done.parameters:
            tell(task(TASK_START, "CloudInitData", self.now()))
            facts = facts_from(instance, done.networks, done.parameters)
            is_no_cloud = seed == "nocloud"
            files = no_cloud(facts) if is_no_cloud else config_drive(facts)
            label = NO_CLOUD_LABEL if is_no_cloud else LABEL
            await self.write_drive(instance, files, label)
            tell(task(TASK_END, "CloudInitData", self.now()))

    async def _fill(
        self, done: OsTask, template: IDiskTemplate, tell: Tell, reinstall: bool
    ) -> None:
        instance, disk = done.instance, done.instance.disks[0]
        image = done.parameters.get("img_id") or disk.origin
        if not image or disk.reuses_data:
            return
        tell(info("Starting image copy...", self.now()))
        if disk.provider == ARCHIPELAGO:
            if reinstall or not disk.origin:
                await self._clone_again(instance.name, disk, image, template)
        else:
            await self._copy(done, image, template, tell)
        size_bytes = disk.size_mib * MIB
        tell(copied(size_bytes, size_bytes, self.now()))

    async def _clone_again(
        self, instance: str, disk: Disk, image: str, template: IDiskTemplate
    ) -> None:
        """A clone in the place of a volume whose content nobody wants."""
        await template.deactivate(instance, disk)
        await template.remove(instance, disk)
        await template.create(instance, evolve(disk, params={**disk.params, "origin": image}))

    async def _copy(self, done: OsTask, image: str, template: IDiskTemplate, tell: Tell) -> None:
        disk = done.instance.disks[0]
        if self.nbd_socket is None:
            raise OpExecError(f"There is no storage on this node that has image '{image}'")
        source = NbdDrive(self.nbd_socket, map_of(image), read_only=True)
        target = await template.activate(done.instance.name, disk)
        watch = _Percent(disk.size_mib * MIB, tell, self.now)
        stem = f"image-{done.instance.name}"
        try:
            await self.logs.listen(self._convert(source, target), stem, watch.line)
        except LoggedFailure as error:
            where = f", see {error.log}" if error.log else ""
            lines = "\n".join(error.lines)
            raise OpExecError(
                f"Image '{image}' could not be copied ({error.reason}{where}): {lines}"
            ) from error

    def _convert(self, source: Drive, target: Drive) -> Script:
        arguments = ("convert", "-p", "-n", "-f", "raw", "-O", "raw")
        return Script(
            self.qemu_img,
            {"PATH": PATH, "LC_ALL": "C"},
            Path("/"),
            COPY_TIMEOUT_S,
            (*arguments, address_of(source), address_of(target)),
        )

    async def _grow(self, instance: Instance, template: IDiskTemplate, tell: Tell) -> None:
        disk = instance.disks[0]
        await template.activate(instance.name, disk)
        if await template.size(instance.name, disk) < disk.size_mib * MIB:
            tell(task(TASK_START, "EnlargeDisk", self.now()))
            await template.grow(instance.name, disk, disk.size_mib)
            tell(task(TASK_END, "EnlargeDisk", self.now()))


def facts_from(
    instance: Instance, networks: Mapping[str, Network], parameters: Mapping[str, str]
) -> GuestFacts:
    """What the parameters of ``image`` say about the guest.  Raises OpExecError."""
    if parameters.get("seed", "none") not in SEEDS:
        raise OpExecError(f"'{parameters['seed']}' is no kind of seed")
    user_data = parameters.get("user_data")
    keys = (line.strip() for line in parameters.get("ssh_keys", "").splitlines())
    return GuestFacts(
        uuid=instance.uuid,
        hostname=parameters.get("hostname") or instance.name,
        interfaces=interfaces_of(instance, networks),
        ssh_keys=tuple(key for key in keys if key),
        user_data=None if user_data is None else user_data.encode(),
        password_hash=parameters.get("img_passwd_hash"),
    )


class _Percent:
    """Tells every whole percent of what qemu-img says."""

    def __init__(self, total: int, tell: Tell, now: Callable[[], float]) -> None:
        self._total, self._tell, self._now = total, tell, now
        self._told = -1

    def line(self, line: str) -> None:
        """A line that it said."""
        for found in PERCENT.findall(line):
            percent = float(found)
            if int(percent) > self._told and percent < 100.0:
                self._told = int(percent)
                position = int(self._total * percent / 100)
                self._tell(copied(position, self._total, self._now()))
