"""
`python -m tests.synnefo_tx.people.mail.a_worker DATABASE PORT`: a process that sends letters.
"""

from __future__ import annotations

import sys

from twisted.internet import reactor

from synnefo_tx.people.mail.settings import Mail
from synnefo_tx.people.mail.smtp import carrier_of
from synnefo_tx.store.database import DatabaseThreads
from tests.synnefo_tx.people.mail.a_queue import NOW, a_sender


def main(url: str, port: str) -> None:
    settings = Mail(host="127.0.0.1", port=int(port), sender="cloud@example.org", tls="off")
    threads = DatabaseThreads(reactor, url)
    sender = a_sender(threads.start(), carrier_of(reactor, settings), lambda: NOW, reactor)
    sender.startService()
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
