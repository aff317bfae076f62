from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pytest_perfbudget import Perf

from agent_hive.clock import ManualClock
from agent_hive.errors import ExpiredTokenError, InvalidTokenError, RevokedTokenError
from agent_hive.security.keys import SigningKey, key_id
from agent_hive.security.revocation import RevocationList
from agent_hive.security.token_cache import TokenCache
from agent_hive.security.tokens import MAX_TOKEN_LENGTH, TokenIssuer, TokenVerifier


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(segment: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=="))
    return content


class Forge:
    """Signs whatever claims and headers a test asks for, with the real key unless told otherwise."""

    def __init__(self, key: SigningKey, now: float) -> None:
        self.key = key
        self.header: dict[str, Any] = {"kid": key.id, "typ": "at+jwt"}
        self.claims: dict[str, Any] = {
            "iss": "https://hive.example",
            "aud": "hive",
            "sub": "agent-7",
            "jti": "token-1",
            "iat": int(now),
            "exp": int(now) + 900,
            "roles": ["worker"],
        }

    def token(self, **claims: object) -> str:
        merged = {**self.claims, **claims}
        kept = {name: value for name, value in merged.items() if value is not None}
        return jwt.encode(kept, self.key.private, algorithm="EdDSA", headers=self.header)

    def unsigned(self, algorithm: str) -> str:
        header = {**self.header, "alg": algorithm}
        return ".".join(encoded(json.dumps(part).encode()) for part in (header, self.claims))


@pytest.fixture
def forge(signing_key: SigningKey, clock: ManualClock) -> Forge:
    return Forge(signing_key, clock.now)


@pytest.fixture
def token(issuer: TokenIssuer) -> str:
    return issuer.issue("agent-7", ["worker", "reader"])


@pytest.mark.perf_budget
def test_issues_a_token(issuer: TokenIssuer) -> None:
    assert issuer.issue("agent-7", ["worker", "reader"]).count(".") == 2


def test_verifies_an_unknown_token(perf: Perf, verifier: TokenVerifier, token: str) -> None:
    identity = perf(verifier.verify, token, name="signature", setup=verifier.clear_cache)

    assert identity.agent_id == "agent-7"
    assert identity.roles == {"worker", "reader"}


# The calls show that no signature is verified again, on however fast a machine.
@pytest.mark.perf_budget(p95_ms=5, max_calls=30)
def test_verifies_a_known_token(verifier: TokenVerifier, token: str) -> None:
    assert verifier.verify(token).agent_id == "agent-7"


def test_the_cache_saves_more_than_half(perf: Perf, verifier: TokenVerifier, token: str) -> None:
    def cached() -> None:
        verifier.verify(token)

    def full() -> None:
        verifier.clear_cache()
        verifier.verify(token)

    perf.ratio(cached, full, max_ratio=0.5, name="cached / full")


class TestSignature:
    @pytest.mark.parametrize(("claim", "value"), [("sub", "agent-8"), ("roles", ["admin"]), ("exp", 9_999_999_999)])
    def test_a_changed_claim_is_refused(self, verifier: TokenVerifier, token: str, claim: str, value: object) -> None:
        header, payload, signature = token.split(".")
        changed = encoded(json.dumps({**decoded(payload), claim: value}).encode())
        with pytest.raises(InvalidTokenError):
            verifier.verify(f"{header}.{changed}.{signature}")

    def test_a_changed_signature_is_refused(self, verifier: TokenVerifier, token: str) -> None:
        head, _, signature = token.rpartition(".")
        flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
        with pytest.raises(InvalidTokenError):
            verifier.verify(f"{head}.{flipped}")

    def test_a_known_token_is_no_pass_for_a_changed_one(self, verifier: TokenVerifier, token: str) -> None:
        verifier.verify(token)
        head, _, _ = token.rpartition(".")
        with pytest.raises(InvalidTokenError):
            verifier.verify(f"{head}.{encoded(bytes(64))}")

    def test_a_key_that_is_not_trusted_is_refused(self, verifier: TokenVerifier, clock: ManualClock) -> None:
        with pytest.raises(InvalidTokenError, match="unknown key"):
            verifier.verify(Forge(SigningKey.generate(), clock.now).token())

    def test_a_foreign_key_under_a_trusted_id_is_refused(
        self, verifier: TokenVerifier, signing_key: SigningKey, clock: ManualClock
    ) -> None:
        forge = Forge(SigningKey.generate(), clock.now)
        forge.header["kid"] = signing_key.id
        with pytest.raises(InvalidTokenError, match="Signature verification failed"):
            verifier.verify(forge.token())

    def test_a_token_without_key_id_is_refused(self, verifier: TokenVerifier, forge: Forge) -> None:
        del forge.header["kid"]
        with pytest.raises(InvalidTokenError, match="unknown key"):
            verifier.verify(forge.token())


class TestAlgorithm:
    @pytest.mark.parametrize("name", ["none", "None", "NONE"])
    def test_none_is_refused(self, verifier: TokenVerifier, forge: Forge, name: str) -> None:
        with pytest.raises(InvalidTokenError, match="alg value is not allowed"):
            verifier.verify(forge.unsigned(name) + ".")

    @pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.Raw])
    def test_the_public_key_is_no_shared_secret(
        self, verifier: TokenVerifier, forge: Forge, signing_key: SigningKey, encoding: Encoding
    ) -> None:
        kind = PublicFormat.Raw if encoding is Encoding.Raw else PublicFormat.SubjectPublicKeyInfo
        secret = signing_key.public.public_bytes(encoding, kind)
        head = forge.unsigned("HS256")
        signature = encoded(hmac.new(secret, head.encode(), hashlib.sha256).digest())
        with pytest.raises(InvalidTokenError, match="alg value is not allowed"):
            verifier.verify(f"{head}.{signature}")

    def test_another_asymmetric_algorithm_is_refused(self, verifier: TokenVerifier, forge: Forge) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        token = jwt.encode(forge.claims, key, algorithm="ES256", headers=forge.header)
        with pytest.raises(InvalidTokenError, match="alg value is not allowed"):
            verifier.verify(token)


class TestClaims:
    @pytest.mark.parametrize("name", ["iss", "aud", "sub", "jti", "iat", "exp", "roles"])
    def test_each_is_required(self, verifier: TokenVerifier, forge: Forge, name: str) -> None:
        with pytest.raises(InvalidTokenError, match=name):
            verifier.verify(forge.token(**{name: None}))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("aud", "another-service"),
            ("aud", ["hive", "another-service"]),
            ("iss", "https://elsewhere.example"),
            ("sub", ""),
            ("roles", "admin"),
            ("roles", [1]),
            ("exp", True),
            ("iat", "yesterday"),
            ("nbf", "tomorrow"),
        ],
    )
    def test_a_wrong_value_is_refused(self, verifier: TokenVerifier, forge: Forge, name: str, value: object) -> None:
        with pytest.raises(InvalidTokenError):
            verifier.verify(forge.token(**{name: value}))

    def test_a_token_of_another_type_is_refused(self, verifier: TokenVerifier, forge: Forge) -> None:
        forge.header["typ"] = "JWT"
        with pytest.raises(InvalidTokenError, match="no access token"):
            verifier.verify(forge.token())

    @pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "not a token", "tök.en.x", "\ud800", "e30.e30.e30"])
    def test_garbage_is_refused(self, verifier: TokenVerifier, text: str) -> None:
        with pytest.raises(InvalidTokenError):
            verifier.verify(text)

    def test_a_token_of_any_length_is_not_even_read(self, verifier: TokenVerifier, forge: Forge) -> None:
        token = forge.token(roles=["r" * MAX_TOKEN_LENGTH])
        with pytest.raises(InvalidTokenError, match="at most"):
            verifier.verify(token)

    def test_the_error_does_not_hold_the_token(self, verifier: TokenVerifier, forge: Forge) -> None:
        token = forge.token(aud="another-service")
        with pytest.raises(InvalidTokenError) as caught:
            verifier.verify(token)
        assert token not in repr(caught.value)
        assert token.rpartition(".")[2] not in repr(caught.value)


class TestTime:
    def test_expiry_has_the_leeway_and_no_more(self, verifier: TokenVerifier, token: str, clock: ManualClock) -> None:
        clock.advance(900 + 29)
        verifier.verify(token)
        clock.advance(1)
        with pytest.raises(ExpiredTokenError):
            verifier.verify(token)

    def test_the_cache_does_not_outlive_expiry(self, verifier: TokenVerifier, token: str, clock: ManualClock) -> None:
        verifier.verify(token)
        clock.advance(900 + 30)
        with pytest.raises(ExpiredTokenError):
            verifier.verify(token)
        assert verifier.cached == 0

    def test_a_token_from_the_future_is_refused(
        self, verifier: TokenVerifier, forge: Forge, clock: ManualClock
    ) -> None:
        token = forge.token(iat=int(clock.now) + 31)
        with pytest.raises(InvalidTokenError, match="not valid yet"):
            verifier.verify(token)
        clock.advance(1)
        assert verifier.verify(token).agent_id == "agent-7"

    def test_not_before_holds(self, verifier: TokenVerifier, forge: Forge, clock: ManualClock) -> None:
        token = forge.token(nbf=int(clock.now) + 60)
        with pytest.raises(InvalidTokenError, match="not valid yet"):
            verifier.verify(token)
        assert verifier.cached == 0


class TestRevocation:
    def test_a_revoked_token_is_refused(self, verifier: TokenVerifier, token: str) -> None:
        verifier.revoke(verifier.verify(token))
        with pytest.raises(RevokedTokenError):
            verifier.verify(token)

    def test_the_cache_does_not_outlive_it(
        self, verifier: TokenVerifier, revocations: RevocationList, token: str, clock: ManualClock
    ) -> None:
        identity = verifier.verify(token)
        revocations.add(identity.token_id, until=clock.now + 3600)
        with pytest.raises(RevokedTokenError):
            verifier.verify(token)
        assert verifier.cached == 0

    def test_it_holds_for_the_leeway_too(self, verifier: TokenVerifier, token: str, clock: ManualClock) -> None:
        identity = verifier.verify(token)
        verifier.revoke(identity)
        clock.advance(900 + 15)
        verifier.revoke(replace(identity, token_id="another"))
        with pytest.raises(RevokedTokenError):
            verifier.verify(token)

    def test_other_tokens_of_the_agent_stay_valid(
        self, verifier: TokenVerifier, issuer: TokenIssuer, token: str
    ) -> None:
        other = issuer.issue("agent-7", ["worker"])
        verifier.revoke(verifier.verify(token))
        assert verifier.verify(other).agent_id == "agent-7"

    def test_it_is_forgotten_when_the_token_has_expired(
        self, verifier: TokenVerifier, revocations: RevocationList, issuer: TokenIssuer, token: str, clock: ManualClock
    ) -> None:
        first = verifier.verify(token)
        verifier.revoke(first)
        clock.advance(900 + 30)
        verifier.revoke(verifier.verify(issuer.issue("agent-8", [])))
        assert first.token_id not in revocations
        assert len(revocations) == 1
        with pytest.raises(ExpiredTokenError):
            verifier.verify(token)

    def test_the_longer_of_two_revocations_holds(self, clock: ManualClock) -> None:
        revocations = RevocationList(clock)
        revocations.add("token-1", until=clock.now + 10)
        revocations.add("token-1", until=clock.now + 100)
        revocations.add("token-1", until=clock.now + 50)
        clock.advance(60)
        revocations.add("token-2", until=clock.now + 10)
        assert "token-1" in revocations


class TestCache:
    def test_a_verified_token_is_kept_once(self, verifier: TokenVerifier, token: str) -> None:
        assert verifier.verify(token) is verifier.verify(token)
        assert verifier.cached == 1

    def test_a_refused_token_is_not_kept(self, verifier: TokenVerifier, forge: Forge) -> None:
        with pytest.raises(InvalidTokenError):
            verifier.verify(forge.token(aud="another-service"))
        assert verifier.cached == 0

    def test_the_least_recently_used_goes_first(self, verifier: TokenVerifier, token: str) -> None:
        identity = verifier.verify(token)
        cache = TokenCache(2)
        cache.put(b"a", identity)
        cache.put(b"b", identity)
        cache.get(b"a")
        cache.put(b"c", identity)
        assert cache.get(b"a") is identity
        assert cache.get(b"b") is None
        assert len(cache) == 2

    def test_it_stays_within_its_size(self, verifier: TokenVerifier, issuer: TokenIssuer) -> None:
        for number in range(1100):
            verifier.verify(issuer.issue(f"agent-{number}", []))
        assert verifier.cached == 1000

    def test_it_holds_at_least_one_entry(self) -> None:
        with pytest.raises(ValueError, match="at least one entry"):
            TokenCache(0)


class TestKeys:
    def test_a_key_comes_back_from_its_pem(self) -> None:
        key = SigningKey.generate()
        pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password"))
        assert SigningKey.from_pem(pem, b"a password").id == key.id
        with pytest.raises(ValueError, match=r"[Ii]ncorrect password"):
            SigningKey.from_pem(pem, b"another")

    def test_a_key_of_another_kind_is_refused(self) -> None:
        other = ec.generate_private_key(ec.SECP256R1())
        pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(TypeError, match="Ed25519"):
            SigningKey.from_pem(pem)

    def test_repr_holds_the_id_only(self) -> None:
        key = SigningKey.generate()
        assert repr(key) == f"SigningKey(id={key.id!r})"
        assert key.id == key_id(key.public)
