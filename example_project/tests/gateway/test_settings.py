from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_hive.balancing.strategies import StrategyName
from agent_hive.errors import SettingsError
from agent_hive.gateway.settings import GatewaySettings
from agent_hive.security.__main__ import write_keys
from agent_hive.security.keys import SigningKey
from agent_hive.security.limit_table import Limit
from hive_processes import POLICY


@pytest.fixture
def public_key(tmp_path: Path) -> Path:
    return write_keys(SigningKey.generate(), tmp_path)[1]


def read(document: dict[str, Any], public_key: Path) -> GatewaySettings:
    path = public_key.parent / "hive.json"
    path.write_text(json.dumps(document), "utf-8")
    return GatewaySettings.read(path, database=public_key.parent / "db", public_key=public_key, redis_url=None)


def test_all_parts_are_read(public_key: Path) -> None:
    settings = read({**POLICY, "strategy": "weighted"}, public_key)
    assert (settings.issuer, settings.audience) == (POLICY["issuer"], POLICY["audience"])
    assert settings.policy.allows(["user"], "summary:read")
    assert settings.limits == {"summary": Limit(100_000, 60)}
    assert settings.strategy is StrategyName.WEIGHTED


def test_the_strategy_and_limits_of_actions_may_be_left_out(public_key: Path) -> None:
    document = {name: part for name, part in POLICY.items() if name not in {"strategy", "limits"}}
    settings = read(document, public_key)
    assert (settings.strategy, settings.limits) == (StrategyName.LEAST_CONNECTIONS, {})


@pytest.mark.parametrize("missing", ["issuer", "audience", "roles", "default_limit"])
def test_a_missing_part_is_named(public_key: Path, missing: str) -> None:
    document = {name: part for name, part in POLICY.items() if name != missing}
    with pytest.raises(SettingsError, match=f"'{missing}' is missing"):
        read(document, public_key)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strategy": "random"}, "'random' is not a valid StrategyName"),
        ({"default_limit": {"hits": 0, "window_s": 60}}, "at least one hit"),
        ({"default_limit": {"hits": 1}}, "window_s"),
        ({"roles": {"a": {"inherits": ["b"]}}}, "unknown roles: b"),
        ({"roles": ["a"]}, "items"),
    ],
)
def test_a_wrong_part_is_explained(public_key: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read({**POLICY, **wrong}, public_key)


def test_a_file_that_is_not_there_is_named(public_key: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        GatewaySettings.read(
            public_key.parent / "absent.json", database=public_key, public_key=public_key, redis_url=None
        )


def test_a_private_key_verifies_nothing(public_key: Path) -> None:
    with pytest.raises(SettingsError, match="PEM"):
        read({**POLICY}, public_key.with_name("hive.pem"))
