"""
A slapd of one's own on this machine's loopback, as an ordinary process, in a directory that goes.
"""

from __future__ import annotations

import atexit
import ipaddress
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SkipTest

ROOT = "cn=root,dc=test"
SECRET = "the root's secret"
PEOPLE = "ou=people,dc=test"
GROUPS = "ou=groups,dc=test"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/pid
TLSCACertificateFile {home}/ca.pem
TLSCertificateFile {home}/ca.pem
TLSCertificateKeyFile {home}/key.pem
sizelimit size.soft=3 size.hard=3 size.prtotal=unlimited
database mdb
suffix dc=test
rootdn {root}
rootpw "{secret}"
directory {home}/data
maxsize 10485760
dbnosync
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree=ou=groups,dc=test by dn=cn=reader,dc=test read by * none
access to * by dn=cn=reader,dc=test read by * none
"""

BEGINNING = f"""
dn: dc=test
objectClass: dcObject
objectClass: organization
o: test

dn: {PEOPLE}
objectClass: organizationalUnit

dn: {GROUPS}
objectClass: organizationalUnit

dn: cn=reader,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: reader's secret
"""


def person(uid: str, password: str = "right", **more: str) -> str:
    lines = [
        f"dn: uid={uid},{PEOPLE}",
        "objectClass: inetOrgPerson",
        f"cn: {uid}",
        f"sn: {uid}",
        f"mail: {uid}@dir.test",
        f"userPassword: {password}",
        *(f"{name}: {value}" for name, value in more.items()),
    ]
    return "\n".join(lines) + "\n"


def group(cn: str, *uids: str) -> str:
    lines = [f"dn: cn={cn},{GROUPS}", "objectClass: groupOfNames"]
    return "\n".join([*lines, *(f"member: uid={uid},{PEOPLE}" for uid in uids)]) + "\n"


class Slapd:
    """One server.  All methods block."""

    def __init__(self) -> None:
        if not Path("/usr/sbin/slapd").exists():
            raise SkipTest("no slapd here (Debian packages slapd and ldap-utils)")
        self.home = Path(tempfile.mkdtemp(prefix="snf-ldap-", dir="/tmp"))
        (self.home / "data").mkdir()
        _certificate(self.home)
        text = CONFIGURATION.format(home=self.home, root=ROOT, secret=SECRET)
        (self.home / "slapd.conf").write_text(text)
        self.url, self.safe_url = (f"{kind}://127.0.0.1:{_free()}" for kind in ("ldap", "ldaps"))
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.end)
        self.start()
        self.add(BEGINNING)

    @property
    def ca_file(self) -> str:
        return str(self.home / "ca.pem")

    def start(self) -> None:
        command = ["/usr/sbin/slapd", "-f", "slapd.conf", "-h", f"{self.url}/ {self.safe_url}/"]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-d", "0"], cwd=self.home, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while not _answers(self.url):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.home / "log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Also what it left.  Idempotent."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def add(self, entries: str) -> None:
        self._ask("ldapadd", entries)

    def change(self, changes: str) -> None:
        self._ask("ldapmodify", changes)

    def remove(self, dn: str) -> None:
        self._ask("ldapdelete", "", dn)

    def _ask(self, program: str, text: str, *more: str) -> None:
        command = [program, "-x", "-H", self.url, "-D", ROOT, "-w", SECRET, *more]
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)


@cache
def shared_directory() -> Slapd:
    """One server for the whole run, without a user; tests remove theirs."""
    return Slapd()


def _free() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1).close()
    except OSError:
        return False
    return True


def _certificate(home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (home / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (home / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
