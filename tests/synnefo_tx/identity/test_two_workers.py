"""
Two API processes over one database: what ends a token ends it in both.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.live.cloud import CHECKOUT, Daemon, answers, eventually, free_ports

SOON_S = 2.0  # in which every worker has to know
PATIENCE_S = 60.0
SECRET = "of everybody here"


@frozen
class Worker:
    """
    One process, by its identity API.
    """

    url: str

    def ask(self, method: str, path: str, token: str = "", body: Any = None) -> Any:
        """
        The status, the body and the token that came with it.
        """
        headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            f"{self.url}/identity/v3{path}", data, headers, method=method
        )
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                text = answer.read()
                return answer.status, text and json.loads(text), answer.headers["X-Subject-Token"]
        except urllib.error.HTTPError as error:
            return error.code, error.read(), ""

    def login(self, user: dict[str, Any], project: dict[str, Any]) -> str:
        """
        A token for the project.
        """
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": project}}}
        code, told, token = self.ask("POST", "/auth/tokens", body=body)
        assert code == 201, told
        return str(token)


class Pair:
    """
    Two processes, and a token of the cloud's administrator.
    """

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="snfw"))
        self.admin = ""
        self._daemons: list[Daemon] = []

    def start(self) -> None:
        """
        Returns when both answer.
        """
        *ports, nobody = free_ports(3)
        (self.home / "rapi-password").write_text("nobody\n")
        self.workers = [Worker(f"http://127.0.0.1:{port}") for port in ports]
        for port, worker in zip(ports, self.workers, strict=True):
            config = self.home / f"api{port}.toml"
            config.write_text(_settings(self.home, port, nobody))
            daemon = Daemon("synnefo-api", ["--config", str(config)], self.home, {})
            self._daemons.append(daemon)
            daemon.start()
            eventually(partial(answers, worker.url), PATIENCE_S, "the API answers")
        secret = (self.home / "first" / "admin-password").read_text().strip()
        admin = {"name": "admin", "domain": {"id": "default"}}
        self.admin = self.workers[0].login(admin | {"password": secret}, admin)

    def stop(self) -> None:
        """
        Nothing is left.
        """
        for daemon in self._daemons:
            daemon.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def made(self, noun: str, **fields: Any) -> str:
        """
        The id of a new one, made by the first worker.
        """
        code, body, _ = self.workers[0].ask("POST", f"/{noun}s", self.admin, {noun: fields})
        assert code == 201, body
        made: str = body[noun]["id"]
        return made


@functools.cache
def two_workers() -> Pair:
    """
    Those of this test run.
    """
    pair = Pair()
    atexit.register(pair.stop)
    pair.start()
    return pair


@frozen
class Somebody:
    """
    A user of a domain of its own, who works in a project there with a token.
    """

    domain: str
    user: str
    project: str
    group: str
    token: str = field(repr=False)


class TwoWorkersTests(SynchronousTestCase):
    """
    The processes are shared by all tests: each has its own domain, user and project.
    """

    def setUp(self) -> None:
        self.pair = two_workers()
        self.workers = self.pair.workers

    def somebody(self) -> Somebody:
        """
        Made by the first worker; the token is known and good at both.
        """
        made = self.pair.made
        name = self.id().rpartition(".")[2]
        domain = made("domain", name=name[:60])
        user = made("user", name=name, domain_id=domain, password=SECRET)
        project = made("project", name=name[:60], domain_id=domain)
        group = made("group", name=name, domain_id=domain)
        code, body, _ = self.workers[0].ask("GET", "/roles", self.pair.admin)
        self.assertEqual(code, 200)
        self.roles = {one["name"]: one["id"] for one in body["roles"]}
        self.do("PUT", f"/projects/{project}/users/{user}/roles/{self.roles['member']}")
        token = self.token(user, project)
        return Somebody(domain, user, project, group, token)

    def token(self, user: str, project: str) -> str:
        token = self.workers[0].login({"id": user, "password": SECRET}, {"id": project})
        for worker in self.workers:
            self.assertEqual(self.worth(worker, token), 200)
        time.sleep(1.1)  # a token of the second in which something ends is refused anyway
        return token

    def do(self, method: str, path: str, body: Any = None, token: str = "") -> None:
        """
        By the first worker, as its administrator.
        """
        code, told, _ = self.workers[0].ask(method, path, token or self.pair.admin, body)
        self.assertIn(code, (200, 201, 204), told)

    def worth(self, worker: Worker, token: str) -> int:
        code: int = worker.ask("GET", "/auth/projects", token)[0]
        return code

    def ends(self, token: str) -> None:
        """
        At the worker that has changed something at once, at the other soon.
        """
        begun = time.monotonic()
        self.assertEqual(self.worth(self.workers[0], token), 401)
        other = self.workers[1]
        while self.worth(other, token) != 401:
            self.assertLess(time.monotonic() - begun, SOON_S, "the other worker doesn't know")
            time.sleep(0.05)

    def test_a_disabled_user(self) -> None:
        one = self.somebody()
        self.do("PATCH", f"/users/{one.user}", {"user": {"enabled": False}})
        self.ends(one.token)

    def test_a_deleted_user(self) -> None:
        one = self.somebody()
        self.do("DELETE", f"/users/{one.user}")
        self.ends(one.token)

    def test_a_disabled_project(self) -> None:
        one = self.somebody()
        self.do("PATCH", f"/projects/{one.project}", {"project": {"enabled": False}})
        self.ends(one.token)

    def test_a_disabled_domain(self) -> None:
        one = self.somebody()
        self.do("PATCH", f"/domains/{one.domain}", {"domain": {"enabled": False}})
        self.ends(one.token)

    def test_a_role_taken_away(self) -> None:
        one = self.somebody()
        member = self.roles["member"]
        self.do("DELETE", f"/projects/{one.project}/users/{one.user}/roles/{member}")
        self.ends(one.token)

    def test_a_group_left(self) -> None:
        one = self.somebody()
        self.do("PUT", f"/projects/{one.project}/groups/{one.group}/roles/{self.roles['reader']}")
        self.do("PUT", f"/groups/{one.group}/users/{one.user}")
        token = self.token(one.user, one.project)
        self.do("DELETE", f"/groups/{one.group}/users/{one.user}")
        self.ends(token)

    def test_a_password_set_by_an_administrator(self) -> None:
        one = self.somebody()
        self.do("PATCH", f"/users/{one.user}", {"user": {"password": "another"}})
        self.ends(one.token)

    def test_a_password_that_the_user_changes(self) -> None:
        one = self.somebody()
        passwords = {"password": "my own", "original_password": SECRET}
        self.do("POST", f"/users/{one.user}/password", {"user": passwords})
        self.ends(one.token)

    def test_a_user_disabled_by_the_administrator_s_command(self) -> None:
        """
        While both processes run.
        """
        one = self.somebody()
        config = next(self.pair.home.glob("api*.toml"))
        words = ["--config", str(config), "user", "disable", one.user]
        program = "from synnefo_tx.admin.main import main; main()"
        environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        subprocess.run([sys.executable, "-c", program, *words], env=environ, check=True)
        begun = time.monotonic()
        for worker in self.workers:
            while self.worth(worker, one.token) != 401:
                self.assertLess(time.monotonic() - begun, SOON_S, "a worker doesn't know")
                time.sleep(0.05)


def _settings(home: Path, port: int, nobody: int) -> str:
    return (
        f'database_url = "sqlite:///{home}/synnefo.db"\n'
        f'port = {port}\ntoken_keys = "{home}/token-keys"\n'
        f'block_endpoint = "unix:{home}/block.sock"\nblock_secret_file = "{home}/block.secret"\n'
        f'nbd_socket = "{home}/nbd.sock"\n'
        f'[first_start]\nfiles = "{home}/first"\n'
        f'[first_start.cluster]\nrapi_url = "https://127.0.0.1:{nobody}"\n'
        f'rapi_password_file = "{home}/rapi-password"\n'
    )
