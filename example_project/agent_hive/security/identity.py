"""The identity that a verified token proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent_hive.errors import ExpiredTokenError, InvalidTokenError


@dataclass(frozen=True, slots=True)
class Identity:
    """The agent that a token identifies, its roles, and the token's period of validity (Unix seconds)."""

    agent_id: str
    roles: frozenset[str]
    token_id: str
    not_before: int
    expires_at: int

    @classmethod
    def from_claims(cls, claims: Mapping[str, object]) -> Identity:
        """Read claims whose signature, issuer and audience have been verified already.

        Raises:
            InvalidTokenError: a claim is missing or of the wrong type.
        """
        issued_at = _seconds(claims, "iat")
        return cls(
            agent_id=_text(claims, "sub"),
            roles=_texts(claims, "roles"),
            token_id=_text(claims, "jti"),
            not_before=_seconds(claims, "nbf") if "nbf" in claims else issued_at,
            expires_at=_seconds(claims, "exp"),
        )

    def check_time(self, now: float, leeway_s: float) -> None:
        """Check that the token is valid now, give or take the leeway between two clocks.

        Raises:
            ExpiredTokenError: the token is no longer valid.
            InvalidTokenError: the token is not valid yet.
        """
        if now >= self.expires_at + leeway_s:
            message = "the token has expired"
            raise ExpiredTokenError(message)
        if now < self.not_before - leeway_s:
            message = "the token is not valid yet"
            raise InvalidTokenError(message)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidTokenError(f"the claim {name!r} must be a text")
    return value


def _texts(claims: Mapping[str, object], name: str) -> frozenset[str]:
    value = claims.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidTokenError(f"the claim {name!r} must be a list of texts")
    return frozenset(value)


def _seconds(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidTokenError(f"the claim {name!r} must be a whole number of seconds")
    return value
