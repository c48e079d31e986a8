"""
``python metadata_answer.py FOLDER``: one HTTP request on standard input, its answer on output.

Stands for the metadata service of a cloud; QEMU starts it for each of the guest's connections.
"""

import sys
from pathlib import Path

PREFIX = "/openstack/latest/"


def main(folder: Path) -> None:
    path = sys.stdin.buffer.readline().split()[1].decode()
    while sys.stdin.buffer.readline().strip():
        pass  # headers
    file = folder / path.removeprefix(PREFIX)
    if path.startswith(PREFIX) and file.is_file():
        head, body = "200 OK", file.read_bytes()
    else:
        head, body = "404 Not Found", b""
    answer = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    sys.stdout.buffer.write(answer.encode() + body)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
