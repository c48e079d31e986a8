"""
Units of work on those who signed up, with the letters that tell of them.
"""

from __future__ import annotations

from sqlalchemy import Connection

from synnefo_tx.people import letters
from synnefo_tx.people.doing import Doing
from synnefo_tx.people.model import Person
from synnefo_tx.people.rows import moderating, records, registering
from synnefo_tx.people.settings import SignUp


def decide(
    connection: Connection,
    action: str,
    user_id: str,
    reason: str,
    base_url: str,
    settings: SignUp,
    doing: Doing,
) -> Person:
    """
    One of the actions of moderators.  Raises NoSuchPerson, NotInThatState.
    """
    person = moderating.ACTIONS[action](connection, user_id, reason, doing)
    letters.decided(connection, base_url, settings, person)
    return person


def verify(
    connection: Connection, link: str, base_url: str, settings: SignUp, doing: Doing
) -> Person:
    """
    The address is verified by a link.  Raises LinkWorthless and AddressTaken.
    """
    person = registering.verify(connection, link, settings, doing)
    letters.decided(connection, base_url, settings, person)
    return person


def vouch(
    connection: Connection, user_id: str, base_url: str, settings: SignUp, doing: Doing
) -> Person:
    """
    The address is verified because an administrator says so.  Raises NoSuchPerson,
    NotInThatState and AddressTaken.
    """
    before = records.lock(connection, user_id)
    person = registering.verified(connection, before, settings, doing)
    letters.decided(connection, base_url, settings, person)
    return person
