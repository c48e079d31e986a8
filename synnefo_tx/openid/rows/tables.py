"""
What the provider keeps.  Times are seconds since the epoch (UTC), whole.  What a browser or a
client shows to us is kept as its SHA-256 alone: whoever reads the database can use none of it.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
)

from synnefo_tx.store.metadata import metadata

_DIGEST = String(64)


def _client() -> Column[str]:
    return Column(
        "client_id",
        ForeignKey("openid_clients.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


def _user() -> Column[str]:
    return Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True)


clients = Table(
    "openid_clients",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("redirect_uris", JSON, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("auth_method", String(32), nullable=False),  # of the token endpoint, as OpenID names it
    Column("secret_digest", _DIGEST),  # NULL: a public client
    Column("may_introspect", Boolean, nullable=False),  # also tokens of other clients
    Column("trusted", Boolean, nullable=False),  # the cloud's own: users aren't asked for consent
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
consents = Table(
    "openid_consents",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "client_id",
        ForeignKey("openid_clients.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("scopes", JSON, nullable=False),
    Column("given_at", BigInteger, nullable=False),
)
sessions = Table(  # browsers in which somebody is logged in
    "openid_sessions",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    _user(),
    Column("methods", JSON, nullable=False),
    Column("logged_in_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
grants = Table(  # what a user lets a client do, from one code on; its end is the end of its tokens
    "openid_grants",
    metadata,
    Column("id", String(64), primary_key=True),
    _client(),
    _user(),
    Column("scopes", JSON, nullable=False),
    Column("methods", JSON, nullable=False),
    Column("nonce", Text),
    Column("logged_in_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
codes = Table(
    "openid_codes",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column(
        "grant_id",
        ForeignKey("openid_grants.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", String(64)),
    Column("used", Boolean, nullable=False),  # once more: somebody has stolen it
    Column("expires_at", BigInteger, nullable=False),
)
tokens = Table(
    "openid_tokens",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("kind", String(8), nullable=False),  # "access" or "refresh"
    Column(
        "grant_id",
        ForeignKey("openid_grants.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("scopes", JSON, nullable=False),
    Column("used", Boolean, nullable=False),  # refresh tokens alone
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
keys = Table(  # that sign ID tokens
    "openid_keys",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("kid", String(64), nullable=False),
    Column("public", Text, nullable=False),  # JWK
    Column("private", Text, nullable=False),  # JWK, sealed
    Column("signs_from", BigInteger, nullable=False),
)
