"""
The process that serves volumes.  Started by archipelagod.datapath.processes with a bare Python:
nothing but the standard library and this package's own plain modules may be imported here.

Descriptor 3 is the control socket; see ``messages`` for what is said there.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from archipelagod.datapath import messages
from archipelagod.datapath.opening import open_patiently
from archipelagod.datapath.serving import VolumeServer
from archipelagod.stores.address import open_store
from archipelagod.stores.store import Store
from archipelagod.volume.freezing import NewMap
from archipelagod.wire.errors import StorageError, StorageUnavailable
from archipelagod.wire.values import Limits

CONTROL_FD = 3
STACK_BYTES = 256 << 10  # of each thread: there may be thousands
SWITCH_S = 0.001  # how long a thread may keep the others of this process waiting


class Worker:
    """
    Does what the daemon asks for.  What may take long is done in a thread of its own.
    """

    def __init__(self, control: socket.socket, store_spec: str) -> None:
        self._control = control
        self._store_spec = store_spec
        self._store: Store | None = None
        self._opening = threading.Lock()  # of the store
        self._sending = threading.Lock()
        self._servers: dict[int, VolumeServer] = {}
        self._unwanted: set[int] = set()  # openings that are to be closed once they are done
        self._slow: dict[str, Callable[[int, dict[str, Any]], Any]] = {
            "open": self._open,
            "close": self._close,
            "snapshot": lambda number, head: self._server(number).snapshot(NewMap(*head["new"])),
            "resize": self._resize,
            "mapping": lambda number, head: self._server(number).mapping(
                head["offset"], head["size"]
            ),
            "own": lambda number, head: self._server(number).volume.own(
                head["offset"], head["size"]
            ),
            "usage": lambda number, _: self._server(number).volume.usage(),
            "statistics": lambda _, head: [self._figures(each) for each in head["volumes"]],
            "limits": lambda number, head: self._server(number).set_limits(Limits(*head["limits"])),
        }

    def run(self) -> None:
        """
        Never returns: the process ends with the daemon.
        """
        while True:
            message, fds, _, _ = socket.recv_fds(self._control, messages.MAX_MESSAGE, 1)
            if not message:
                # The daemon is gone.  A new one may wait for our volumes: what clients were told is
                # in the kernel, and the next opening takes it from there.
                os._exit(3 if self._servers else 0)
            head, tail = messages.unpack(message)
            self._take(head, tail, fds)

    def _take(self, head: dict[str, Any], tail: bytes, fds: list[int]) -> None:
        if head["do"] == "serve":
            self._serve(head, tail, socket.socket(fileno=fds[0]))
        else:
            threading.Thread(target=self._perform, args=(head,), daemon=True).start()

    def _serve(self, head: dict[str, Any], tail: bytes, sock: socket.socket) -> None:
        server = self._servers.get(head["volume"])
        if server is None:
            sock.close()
            self._say({"gone": head["client"], "volume": head["volume"]})
            return
        try:
            server.serve(sock, head["client"], messages.join_handover(head["handover"], tail))
        except (OSError, RuntimeError, ValueError) as error:
            sys.stderr.write(f"{server.volume.name}: a client was not served: {error}\n")

    def _perform(self, head: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"id": head["id"]}
        try:
            answer["result"] = self._slow[head["do"]](head["volume"], head)
        except (StorageError, OSError) as error:
            kind = error if isinstance(error, StorageError) else StorageUnavailable()
            answer |= {"status": kind.status, "error": str(error)[:4096]}
        except Exception as error:
            answer |= {"status": StorageUnavailable.status, "error": f"a defect: {error!r}"}
            self._say(answer)
            raise  # the operator sees where
        self._say(answer)

    def _say(self, head: dict[str, Any]) -> None:
        with self._sending, contextlib.suppress(OSError):  # ``run`` notices that the daemon is gone
            self._control.send(messages.pack(head))

    def _open_store(self) -> Store:
        with self._opening:
            if self._store is None:
                self._store = open_store(self._store_spec)
            return self._store

    def _open(self, number: int, head: dict[str, Any]) -> Any:
        store = self._open_store()
        volume = open_patiently(store, head["name"], head["session"], head["may_stand_by"])
        self._servers[number] = VolumeServer(
            store, volume, lambda client: self._say({"gone": client, "volume": number})
        )
        if number in self._unwanted:
            self._close(number, {})
        return {
            "size_bytes": volume.size_bytes,
            "is_read_only": volume.is_read_only and not volume.is_standby,
            "is_standby": volume.is_standby,
        }

    def _server(self, number: int) -> VolumeServer:
        try:
            return self._servers[number]
        except KeyError:
            raise StorageUnavailable("the volume was closed meanwhile") from None

    def _resize(self, number: int, head: dict[str, Any]) -> None:
        volume = self._server(number).volume
        try:
            volume.resize(head["size"])
        finally:  # it may have happened, or be answered too late
            self._say({"volume": number, "size_bytes": volume.size_bytes})

    def _figures(self, number: int) -> dict[str, Any] | None:
        server = self._servers.get(number)
        return server.statistics() if server is not None else None

    def _close(self, number: int, _: dict[str, Any]) -> None:
        server = self._servers.pop(number, None)
        if server is None:
            self._unwanted.add(number)
        else:
            self._unwanted.discard(number)
            try:
                server.close()
            finally:
                # If the volume is deleted next, what we hold open of it would keep its space.
                store = self._open_store()
                store.objects.close()
                store.blocks.close()


def main(arguments: list[str]) -> None:
    """
    Serves the store that the only argument names.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(STACK_BYTES)
    sys.setswitchinterval(SWITCH_S)
    control = socket.socket(fileno=CONTROL_FD)
    control.setblocking(True)
    Worker(control, arguments[0]).run()


if __name__ == "__main__":
    main(sys.argv[1:])
