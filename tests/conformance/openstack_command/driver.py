"""
``python driver.py``: the `openstack` command, many times in one process.

A line of JSON in, ``{"words": [...], "environment": {...}}``; a line out, ``[status, out, err]``.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys

from openstackclient.shell import OpenStackShell
from osc_lib.clientmanager import ClientCache, ClientManager


def main() -> None:
    """
    Until standard input ends.
    """
    usual = dict(os.environ)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.clear()
        os.environ.update(usual | asked["environment"])
        print(json.dumps(run(asked["words"])), file=answers, flush=True)


def run(words: list[str]) -> tuple[int, str, str]:
    """
    (status, standard output, standard error) of one command.
    """
    _forget_clients()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = OpenStackShell().run(words)
        except SystemExit as end:  # argparse's refusal
            status = end.code if isinstance(end.code, int) else 1
    for handler in logging.getLogger("").handlers[:]:  # the next command makes its own
        logging.getLogger("").removeHandler(handler)
    return int(status or 0), out.getvalue(), err.getvalue()


def _forget_clients() -> None:
    """
    The command keeps them, and the tokens that they have, as long as its process lives.
    """
    for kept in vars(ClientManager).values():
        if isinstance(kept, ClientCache):
            kept._handle = None


if __name__ == "__main__":
    main()
