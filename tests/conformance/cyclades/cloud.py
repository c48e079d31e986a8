"""
A cloud on one machine for Tempest: kept for one run, or served for several.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import msgspec

from tests.conformance.tempest.runs import CACHE, configuration
from tests.live.cloud import AllInOne, answers, eventually, guest_image

Mode = Literal["fake", "kvm"]
MODES: tuple[Mode, ...] = get_args(Mode)
TEMPLATE = Path(__file__).parent / "tempest.conf.template"
PATIENCE_S = 120.0
BUILD_S = {"fake": 120, "kvm": 600}  # guests of emulated processors take their time


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """
    A cloud that answers, and where its daemon's output is.

    mode: "fake" runs no guests.  routers: it has them, so that each project can have a network.
    began: when its code was read, as the clock on the wall said.
    """

    home: str
    mode: Mode
    url: str
    admin_password: str
    routers: bool
    began: str

    def tempest_conf(self, home: Path) -> str:
        """
        What Tempest is told; it writes below `home`.
        """
        given = {
            "HOME": str(home),
            "ADMIN_PASSWORD": self.admin_password,
            "AUTH_URL": f"{self.url}/identity/v3",
            "ROUTERS": str(self.routers).lower(),
            "FIXED_NETWORK": "" if self.routers else "default",
            "CONSOLES": str(self.mode == "kvm").lower(),
            "GUESTS": str(self.mode == "kvm" and self.routers).lower(),
            "BUILD_TIMEOUT": str(BUILD_S[self.mode]),
        }
        return configuration(TEMPLATE, given)


@contextmanager
def running(mode: Mode, began: str) -> Iterator[Running]:
    """
    A new cloud, with its images; when the block is left it has ended and left nothing but the
    daemon's output, in the cache.  mode "kvm" is for a network namespace of one's own.
    """
    cloud = AllInOne(guest_image(), may_tap=False, more=_settings(mode))
    try:
        cloud.begin()
        eventually((cloud.home / "image-given").exists, PATIENCE_S, "the images are there")
        connection = cloud.connect()
        yield Running(
            home=str(cloud.home),
            mode=mode,
            url=cloud.url,
            admin_password=(cloud.home / "admin-password").read_text().strip(),
            routers=any(one.alias == "router" for one in connection.network.extensions()),
            began=began,
        )
    finally:
        shutil.copyfile(cloud.daemons["synnefo"].log, CACHE / f"conformance-{mode}.log")
        cloud.end()


def _settings(mode: Mode) -> str:
    hypervisor = f'hypervisor = "{mode}"\npersonal_projects = false\n'
    return hypervisor + ('network_mode = "tap"\n' if mode == "kvm" else "")


@contextmanager
def served(cloud: Running) -> Iterator[None]:
    """
    `found` gives the cloud while the block lasts.
    """
    place = _place(cloud.mode)
    place.write_bytes(msgspec.json.encode(cloud))
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def found(mode: Mode) -> Running | None:
    """
    The cloud that somebody serves and that answers.
    """
    place = _place(mode)
    try:
        cloud = msgspec.json.decode(place.read_bytes(), type=Running)
    except (OSError, json.JSONDecodeError, msgspec.DecodeError):
        return None
    return cloud if answers(cloud.url) else None


def _place(mode: Mode) -> Path:
    return CACHE / f"conformance-{mode}.json"
