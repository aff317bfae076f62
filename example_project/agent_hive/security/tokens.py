"""JSON Web Tokens, which are issued with a private key and verified with the public keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pytest_perfbudget import track

from agent_hive.clock import SYSTEM_CLOCK, Clock
from agent_hive.errors import AuthenticationError, InvalidTokenError, RevokedTokenError
from agent_hive.security.identity import Identity
from agent_hive.security.keys import KeySet, SigningKey
from agent_hive.security.revocation import RevocationList
from agent_hive.security.token_cache import TokenCache
from agent_hive.switches import Optimisation, is_on

ALGORITHM: Final = "EdDSA"
"""The only accepted algorithm, whatever a token's header asks for."""

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type (RFC 9068), no password
"""The type that sets access tokens apart from other tokens that the same key may sign."""

REQUIRED_CLAIMS: Final = ("iss", "aud", "sub", "jti", "iat", "exp", "roles")
MAX_TOKEN_LENGTH: Final = 8192
DEFAULT_LEEWAY_S: Final = 30


class TokenIssuer:
    """A signer of tokens in the name of one issuer, for one audience."""

    def __init__(
        self, key: SigningKey, *, issuer: str, audience: str, lifetime_s: int = 900, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._lifetime_s = lifetime_s
        self._clock = clock

    def issue(self, agent_id: str, roles: Iterable[str]) -> str:
        """Return a new token for an agent."""
        issued_at = int(self._clock())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": agent_id,
            "jti": secrets.token_urlsafe(16),
            "iat": issued_at,
            "exp": issued_at + self._lifetime_s,
            "roles": sorted(roles),
        }
        headers = {"kid": self._key.id, "typ": TOKEN_TYPE}
        return jwt.encode(claims, self._key.private, algorithm=ALGORITHM, headers=headers)


class TokenVerifier:
    """A verifier that returns the identity of a token's agent, or refuses the token.

    A verified token is cached by its digest. The cache saves only the check of the signature: time and
    revocation are checked at every use.
    """

    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        audience: str,
        revocations: RevocationList,
        leeway_s: int = DEFAULT_LEEWAY_S,
        cache_size: int = 10_000,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._revocations = revocations
        self._leeway_s = leeway_s
        self._clock = clock
        self._cache = TokenCache(cache_size)
        self._caches = is_on(Optimisation.TOKEN_CACHE)

    @property
    def cached(self) -> int:
        """The number of tokens in the cache."""
        return len(self._cache)

    @track("security.jwt")
    def verify(self, token: str) -> Identity:
        """Return the identity that a token proves.

        Raises:
            InvalidTokenError: the token is malformed, of an unknown key, for another audience, or not yet valid.
            ExpiredTokenError: the token is past its expiry.
            RevokedTokenError: the token was withdrawn.
        """
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            message = f"a token is ASCII text of at most {MAX_TOKEN_LENGTH} characters"
            raise InvalidTokenError(message)
        digest = hashlib.sha256(token.encode()).digest()
        known = self._cache.get(digest)
        identity = known or Identity.from_claims(self._claims(token))
        try:
            self._check_valid_now(identity)
        except AuthenticationError:
            self._cache.discard(digest)
            raise
        if known is None and self._caches:
            self._cache.put(digest, identity)
        return identity

    def revoke(self, identity: Identity) -> None:
        """Refuse the token of this identity from now on."""
        self._revocations.add(identity.token_id, until=identity.expires_at + self._leeway_s)

    def clear_cache(self) -> None:
        """Empty the cache, so that every signature is verified again, as after a change of keys."""
        self._cache.clear()

    def _claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token whose signature, type, issuer and audience are right."""
        try:
            header = jwt.get_unverified_header(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key_for(header),
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options={
                    "require": list(REQUIRED_CLAIMS),
                    "strict_aud": True,
                    # Identity.check_time does these checks for new and cached tokens alike, by the verifier's clock.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise InvalidTokenError(f"the token is refused: {error}") from error
        return claims

    def _key_for(self, header: Mapping[str, object]) -> Ed25519PublicKey:
        """Return the trusted key that a header names; the signature of the token is checked later."""
        if header.get("typ") != TOKEN_TYPE:
            message = "the token is no access token"
            raise InvalidTokenError(message)
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            message = "the token is signed by an unknown key"
            raise InvalidTokenError(message)
        return key

    def _check_valid_now(self, identity: Identity) -> None:
        identity.check_time(self._clock(), self._leeway_s)
        if identity.token_id in self._revocations:
            message = "the token is revoked"
            raise RevokedTokenError(message)
