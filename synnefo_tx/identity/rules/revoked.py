"""
Which tokens are worth nothing any more, as one worker knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field

from synnefo_tx.identity.model import Disabled, Revocation, RevocationKind, short
from synnefo_tx.identity.token import Token


@define
class Revoked:
    """
    Revocations and disabled accounts.  `refuses(token)` reads memory only.
    """

    disabled: Disabled = field(factory=Disabled)
    _known: dict[tuple[RevocationKind, str], tuple[int, int]] = field(factory=dict)

    def learn(self, revocations: Iterable[Revocation]) -> None:
        """
        Add what was revoked.  Order and repetition make no difference.
        """
        for one in revocations:
            before, until = self._known.get((one.kind, one.subject), (0, 0))
            self._known[one.kind, one.subject] = (
                max(before, one.issued_before),
                max(until, one.expires_at),
            )

    def forget(self, now: int) -> None:
        """
        Drop what no living token can fall under.  now: seconds.
        """
        dead = [key for key, (_, until) in self._known.items() if until < now]
        for key in dead:
            del self._known[key]

    def refuses(self, token: Token) -> bool:
        """
        Whether `token` is worth nothing, though its seal and its time are good.
        """
        off = self.disabled
        users = {token.user_id, token.trustor_id, token.trustee_id, *token.trust_chain}
        if not off.users.isdisjoint(users) or token.project_id in off.projects:
            return True
        places = {token.user_domain_id, token.project_domain_id, token.domain_id}
        if not off.domains.isdisjoint(places):
            return True
        return any(
            token.issued_at <= self._known[key][0] for key in _subjects(token) if key in self._known
        )

    def __len__(self) -> int:
        return len(self._known)


def _subjects(token: Token) -> Iterator[tuple[RevocationKind, str]]:
    """
    Everything whose revocation ends the token.
    """
    yield RevocationKind.TOKEN, token.audit_id
    target = token.project_id or token.domain_id or ("all" if token.system else "")
    for user_id in {token.user_id, token.trustor_id, token.trustee_id, *token.trust_chain}:
        yield RevocationKind.USER, user_id
        yield RevocationKind.GRANT, f"{user_id}/{target}"
    yield RevocationKind.PROJECT, token.project_id
    for domain_id in {token.user_domain_id, token.project_domain_id, token.domain_id}:
        yield RevocationKind.DOMAIN, domain_id
    roles = [short(role) for role in token.roles]
    delegated = token.application_credential_id or token.trust_id
    for role in roles:
        yield RevocationKind.ROLE, role
        for prior in roles:
            yield RevocationKind.IMPLIED, f"{prior}/{role}"
        if delegated:
            yield RevocationKind.IMPLIED, f"/{role}"
    if token.application_credential_id:
        yield RevocationKind.APPLICATION_CREDENTIAL, token.application_credential_id
    if token.trust_id:
        yield RevocationKind.TRUST, token.trust_id
