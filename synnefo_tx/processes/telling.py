"""
Who tells people of this cloud what happens to their projects, for all of its processes.
"""

from __future__ import annotations

from synnefo_tx.account.notices import INotifier
from synnefo_tx.people.mail.notices import MailNotifier
from synnefo_tx.processes.settings import ApiSettings


def cloud_notifier(settings: ApiSettings) -> INotifier:
    """
    The same for the API, for what ends by itself, and for synnefo-manage.
    """
    return INotifier(MailNotifier(settings.base_url, settings.mail.admins))
