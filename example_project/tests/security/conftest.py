from __future__ import annotations

import pytest

from agent_hive.clock import ManualClock
from agent_hive.security.keys import KeySet, SigningKey
from agent_hive.security.revocation import RevocationList
from agent_hive.security.tokens import TokenIssuer, TokenVerifier


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def issuer(signing_key: SigningKey, clock: ManualClock) -> TokenIssuer:
    return TokenIssuer(signing_key, issuer="https://hive.example", audience="hive", lifetime_s=900, clock=clock)


@pytest.fixture
def revocations(clock: ManualClock) -> RevocationList:
    return RevocationList(clock)


@pytest.fixture
def verifier(signing_key: SigningKey, revocations: RevocationList, clock: ManualClock) -> TokenVerifier:
    # One retired key beside the current one, as during a rotation.
    keys = KeySet([SigningKey.generate().public, signing_key.public])
    return TokenVerifier(
        keys,
        issuer="https://hive.example",
        audience="hive",
        revocations=revocations,
        leeway_s=30,
        cache_size=1000,
        clock=clock,
    )
