from __future__ import annotations

from pytest_perfbudget import PerfLoad

from agent_hive.security.keys import KeySet, SigningKey
from agent_hive.security.revocation import RevocationList
from agent_hive.security.roles import Policy, Role
from agent_hive.security.tokens import TokenIssuer, TokenVerifier

LEVELS = 100


def test_issues_and_verifies_tokens(perf_load: PerfLoad) -> None:
    key = SigningKey.generate()
    issuer = TokenIssuer(key, issuer="https://hive.example", audience="hive")
    verifier = TokenVerifier(
        KeySet([key.public]), issuer="https://hive.example", audience="hive", revocations=RevocationList()
    )

    def sign_in() -> None:
        assert verifier.verify(issuer.issue("agent-7", ["worker"])).agent_id == "agent-7"

    # 99 % of 100 requests per second: fewer than 600 requests could not show it.
    perf_load(sign_in, rate=100, duration="6100ms")


def test_checks_permissions(perf_load: PerfLoad) -> None:
    roles = [Role("level_0", frozenset({"resource_0:read"}))]
    roles += [
        Role(f"level_{level}", frozenset({f"resource_{level}:read"}), frozenset({f"level_{level - 1}"}))
        for level in range(1, LEVELS)
    ]
    policy = Policy(roles)

    def check() -> None:
        assert policy.allows([f"level_{LEVELS - 1}"], "resource_0:read")
        assert not policy.allows(["level_0"], "resource_1:read")

    perf_load(check, rate=200, duration="3100ms")
