"""
Keystone from the package index under uwsgi, over a MariaDB and a memcached of its own.

Of what its documents allow this was the quickest, tried beside others: without a cache, which
`keystone-manage doctor` calls incomplete, a validation takes ten times as long; pylibmc over a
unix socket beats python-memcached, pymemcache and TCP; uwsgi's HTTP router, with connections kept,
sends large answers 40 ms late.  That answers are checked against schemas is its advice, too.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.identity.place import Place
from tests.live.cloud import eventually, free_ports

RELEASE = "30.0.0"
WANTED = (f"keystone=={RELEASE}", "uwsgi==2.0.31", "pymysql==1.2.4", "pylibmc==1.6.3")
PROCESSES = 2
CACHE = Path(os.environ.get("SYNNEFO_CACHE") or Path(__file__).parents[2] / "build").resolve()
HOME = CACHE / f"keystone-{RELEASE}"
BIN = HOME / "bin"
PASSWORD = "a secret of the bench"


def install() -> None:
    """
    Keystone and uwsgi in an environment of their own, unless they are there.
    """
    wanted = "\n".join(WANTED)
    if (HOME / "installed").is_file() and (HOME / "installed").read_text() == wanted:
        return
    print(f"bench: installing keystone {RELEASE} in {HOME}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
    pip = [str(BIN / "pip"), "install", "-q", *WANTED]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    (HOME / "installed").write_text(wanted)


@contextmanager
def running(rounds: int) -> Iterator[Place]:
    """
    A Keystone that answers.  rounds: of bcrypt.
    """
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="ksb"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o755)
        processes = [stack.enter_context(_maria(home))]
        processes.append(stack.enter_context(_program(home, _memcached(home))))
        (home / "keystone.conf").write_text(_settings(home, rounds))
        [port] = free_ports(1)
        v3 = f"http://127.0.0.1:{port}/v3"
        for step in _steps(v3):
            command = [str(BIN / "keystone-manage"), f"--config-file={home}/keystone.conf", *step]
            with (home / "log").open("ab") as log:
                subprocess.run(command, check=True, stdout=log, stderr=log)
        served = _program(home, _uwsgi(port), OS_KEYSTONE_CONFIG_DIR=str(home))
        processes.append(stack.enter_context(served))
        place = Place(v3, PASSWORD, tuple(processes))
        eventually(lambda: _there(place), 60, "keystone answers")
        yield place


def _steps(v3: str) -> list[list[str]]:
    """
    What keystone-manage is told, one after the other.
    """
    owner = ["--keystone-user", "root", "--keystone-group", "root"] if os.geteuid() == 0 else []
    bootstrap = ["bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-public-url", v3]
    return [
        ["db_sync"],
        ["fernet_setup", *owner],
        ["credential_setup", *owner],
        [*bootstrap, "--bootstrap-region-id", "RegionOne"],
    ]


def _there(place: Place) -> bool:
    try:
        place.fill()
    except OSError:
        return False
    return True


def _memcached(home: Path) -> list[str]:
    user = pwd.getpwuid(os.geteuid()).pw_name
    return ["memcached", "-u", user, "-s", f"{home}/cache.sock"]


def _uwsgi(port: int) -> list[str]:
    return [
        *(str(BIN / "uwsgi"), "--http-socket", f"127.0.0.1:{port}", "--master", "--die-on-term"),
        *("--processes", str(PROCESSES), "--lazy-apps", "--thunder-lock", "--disable-logging"),
        *("--add-header", "Connection: close", "--virtualenv", str(HOME)),
        *("--module", "keystone.wsgi.api:application", "--buffer-size", "65535"),
    ]


def _settings(home: Path, rounds: int) -> str:
    return (
        f"[database]\nconnection = mysql+pymysql://root@/keystone?unix_socket={home}/maria.sock\n"
        f"[cache]\nenabled = true\nbackend = dogpile.cache.pylibmc\n"
        f"backend_argument = url:{home}/cache.sock\nbackend_argument = binary:true\n"
        f"[fernet_tokens]\nkey_repository = {home}/fernet\n"
        f"[credential]\nkey_repository = {home}/credential\n"
        f"[identity]\npassword_hash_algorithm = bcrypt\npassword_hash_rounds = {rounds}\n"
    )


@contextmanager
def _maria(home: Path) -> Iterator[int]:
    data = home / "maria"
    data.mkdir()
    user = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(data, user)
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}"]
    subprocess.run(
        [*install, "--auth-root-authentication-method=normal"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"{home}/maria.sock"
    home.chmod(0o777)  # the server's user makes its socket here
    server = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--user={user}"]
    with _program(home, [*server, "--skip-networking", f"--socket={address}"]) as pid:
        make = ["mariadb", "--no-defaults", "-uroot", f"--socket={address}", "-e"]
        make.append("CREATE DATABASE keystone CHARACTER SET utf8mb4")
        eventually(lambda: _did(make), 60, "MariaDB answers")
        yield pid


def _did(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextmanager
def _program(home: Path, command: list[str], **environment: str) -> Iterator[int]:
    """
    Its pid, while it runs.
    """
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=log, stderr=log, cwd=home
        )
    try:
        yield process.pid
    except BaseException:
        print((home / "log").read_text(errors="replace")[-3000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait()
