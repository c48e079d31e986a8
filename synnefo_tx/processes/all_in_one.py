"""
`synnefo`: the whole cloud on one machine, in one process and its data-path workers.

The only place that puts the layers together; they still speak HTTP, the block protocol, NBD and
the event bus (here in process) with one another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.application.service import MultiService

from archipelagod.service import build_service as storage_service
from archipelagod.settings import ArchipelagoSettings
from ganetid.console.service import ConsoleProxy
from ganetid.console.settings import ConsoleSettings
from ganetid.service import build_service as cluster_service
from ganetid.settings import GanetiSettings
from synnefo_tx.daemon.bus.memory import MemoryBus
from synnefo_tx.daemon.bus.topology import standard_queues
from synnefo_tx.daemon.private_files import secret_in, write_private
from synnefo_tx.effect.plan import PREFIX
from synnefo_tx.processes.api import ApiService
from synnefo_tx.processes.dispatcher import DispatcherService
from synnefo_tx.processes.own_cloud import RAPI_USER, api_settings, database_url, mark_of
from synnefo_tx.processes.settings import AllInOneSettings


def build_service(settings: AllInOneSettings, state: Path, reactor: Any) -> MultiService:
    """
    The cloud whose state is kept in `state`.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret_in(state / "block.secret")
    _rapi_users(state)
    mark = mark_of(state)
    whole = MultiService()
    bus = MemoryBus(reactor, standard_queues(PREFIX))
    storage_service(_storage(state), reactor).setServiceParent(whole)
    ApiService(api_settings(settings, state), reactor).setServiceParent(whole)
    DispatcherService(database_url(state), bus, reactor).setServiceParent(whole)
    cluster = _cluster(settings, state, mark)
    cluster_service(cluster, reactor, bus).setServiceParent(whole)
    ConsoleProxy(_consoles(settings, cluster), reactor).setServiceParent(whole)
    return whole


def _rapi_users(state: Path) -> None:
    password = secret_in(state / "rapi-password")
    path = state / "rapi-users"
    if not path.exists():
        write_private(path, f"{RAPI_USER} {password} read,write\n")


def _storage(state: Path) -> ArchipelagoSettings:
    return ArchipelagoSettings(
        state_dir=str(state / "archipelagod"),
        listen=f"unix:{state / 'block.sock'}:mode=600",
        secret_file=str(state / "block.secret"),
        nbd_socket=str(state / "nbd.sock"),
    )


def _cluster(settings: AllInOneSettings, state: Path, mark: str) -> GanetiSettings:
    return GanetiSettings(
        cluster_name=f"cluster-{mark}",
        state_dir=str(state / "ganetid"),
        rapi_host="127.0.0.1",
        rapi_port=settings.rapi_port,
        users_file=str(state / "rapi-users"),
        nbd_socket=str(state / "nbd.sock"),
        block_endpoint=f"unix:{state / 'block.sock'}",
        block_secret_file=str(state / "block.secret"),
        hypervisor=settings.hypervisor,
        accel=settings.accel,
        network_mode=settings.network_mode,
        network_namespace=settings.network_namespace,
    )


def _consoles(settings: AllInOneSettings, cluster: GanetiSettings) -> ConsoleSettings:
    """The proxy has no certificate, so it is on loopback; TLS for others is a web server's."""
    state = Path(cluster.state_dir)
    return ConsoleSettings(
        secret_file=str(state / "console.secret"),
        state_dir=str(state / "consoles"),
        socket_directories=(str(state / "run"),),
        node_name=cluster.name_of_node(),
        websocket_port=settings.console_port,
        vnc_port=None,
    )
