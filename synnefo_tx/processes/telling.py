"""
Who tells people of this cloud what happens to their projects, for all of its processes.
"""

from __future__ import annotations

from synnefo_tx.account.notices import INotifier, Silence


def cloud_notifier() -> INotifier:
    """
    The same for the API, for what ends by itself, and for synnefo-manage.
    """
    return Silence()
