"""
A store in a pool of Ceph, through librados: Debian's package python3-rados.  The worker imports
this too.
"""

from __future__ import annotations

import atexit
import errno
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

from archipelagod.stores.rados_blocks import RadosBlocks
from archipelagod.stores.rados_leases import TERM_S, RadosLeases
from archipelagod.stores.rados_objects import RadosObjects
from archipelagod.stores.rados_pool import RadosPool
from archipelagod.stores.rados_records import RadosRecords
from archipelagod.stores.store import Store

BINDING = (
    "/usr/lib/python3/dist-packages"  # where Debian has it; neither venv nor worker look there
)
ANSWER_S = 30  # a cluster that does not answer for so long is an error, not a wait
STACK_BYTES = 8 << 20
DEFAULT_CONF = "/etc/ceph/ceph.conf"
_pools: weakref.WeakKeyDictionary[RadosPool, Any] = weakref.WeakKeyDictionary()  # to their clients


def open_rados_store(
    pool: str,
    namespace: str = "",
    *,
    conf: str = "",
    client_id: str = "admin",
    term_s: int = TERM_S,
    fenced: Callable[[], None] = lambda: None,
) -> Store:
    """
    The store in the pool, which must exist.  Raises OSError.

    namespace: begins the names of Ceph's namespaces: one pool may have many stores.
    conf: path of Ceph's configuration.  term_s: how long a lease outlives its holder.
    fenced: called, by any thread, when Ceph takes nothing from this process any more.
    """
    rados, cluster = _with_large_stack(lambda: _connect(conf or DEFAULT_CONF, client_id))

    def part(name: str) -> RadosPool:
        opened = RadosPool(rados, cluster, pool, f"{namespace}.{name}", fenced)
        _pools[opened] = cluster
        return opened

    atexit.unregister(_shut_down)
    atexit.register(_shut_down)  # anew: before what was registered earlier, as the cluster's end

    # stores.declarations says that these provide the interfaces
    return Store(
        cast("Any", RadosObjects(part("objects"))),
        cast("Any", RadosRecords(part("records"))),
        cast("Any", RadosBlocks(part("blocks"))),
        cast("Any", RadosLeases(part("leases"), cluster, term_s)),
    )


def _shut_down() -> None:
    """
    A client whose threads outlive the library's own data ends the process with an error.
    """
    clients = {id(cluster): cluster for cluster in _pools.values()}
    for pool in list(_pools):
        pool.io.close()
    for cluster in clients.values():
        cluster.shutdown()


def _connect(conf: str, client_id: str) -> tuple[Any, Any]:
    rados = load_binding()
    try:
        cluster = rados.Rados(conffile=conf, rados_id=client_id)
        for option in ("rados_osd_op_timeout", "rados_mon_op_timeout", "client_mount_timeout"):
            cluster.conf_set(option, str(ANSWER_S))
        cluster.connect()
    except rados.Error as error:
        number = abs(getattr(error, "errno", None) or errno.EIO)
        raise OSError(number, f"Ceph: {error}", conf) from error
    return rados, cluster


def _with_large_stack(call: Callable[[], Any]) -> Any:
    """
    What ``call`` returns, or raises.  Workers' threads have small stacks, on which loading the
    library and connecting die (16.2.15: with 512 KiB still); the rest is content with 64 KiB.
    """
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again by who waits
            done.set_exception(error)

    before = threading.stack_size(STACK_BYTES)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return done.result()


def load_binding() -> Any:
    """
    Ceph's module.  Raises OSError where there is none.
    """
    added = BINDING not in sys.path
    if added:
        sys.path.append(BINDING)
    try:
        import rados  # type: ignore[import-not-found]
    except ImportError as error:
        raise OSError(2, f"no Ceph here ({error}): install python3-rados") from error
    finally:
        if added:
            sys.path.remove(BINDING)
    return rados
