"""
The `openstack` command against an API of one's own, one process for all that is typed.
"""

from __future__ import annotations

import atexit
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.conformance.identity.cloud import Running, running

DRIVER = Path(__file__).with_name("driver.py")


@frozen
class Said:
    """
    What a command answered.
    """

    command: str
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@frozen
class Who:
    """
    Whom a command speaks for.  A project of "" asks for a token without scope.
    """

    user: str
    password: str
    domain: str = "Default"
    project: str = ""

    def environment(self) -> dict[str, str]:
        """
        As an openrc file would set it.
        """
        told = {"USERNAME": self.user, "PASSWORD": self.password, "USER_DOMAIN_NAME": self.domain}
        if self.project:
            told |= {"PROJECT_NAME": self.project, "PROJECT_DOMAIN_NAME": self.domain}
        return {f"OS_{name}": value for name, value in told.items()}


class Shell:
    """
    Blocking.  Ended by closing.
    """

    def __init__(self, cloud: Running) -> None:
        self.cloud = cloud
        self.admin = Who("admin", cloud.admin_password, project="admin")
        usual = {
            "PATH": os.environ["PATH"],
            "HOME": str(cloud.home),
            "OS_AUTH_URL": cloud.auth_url,
            "OS_IDENTITY_API_VERSION": "3",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=usual,
        )

    def type(self, command: str, who: Who | None = None, more: Mapping[str, str] = {}) -> Said:
        """
        One command line, without the word `openstack`.  more: environment.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        environment = (who or self.admin).environment() | dict(more)
        asked = {"words": shlex.split(command), "environment": environment}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Said(command, *json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """
        Idempotent.
        """
        self._process.communicate()


@cache
def shared_shell() -> Shell:
    """
    One API and one shell for the whole run.
    """
    stack = ExitStack()
    shell = Shell(stack.enter_context(running()))
    stack.callback(shell.close)
    atexit.register(stack.close)
    return shell
