"""The settings of the gateway: a JSON file with roles and limits, and the keys that tokens are signed with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from agent_hive.balancing.strategies import StrategyName
from agent_hive.errors import HiveError, SettingsError
from agent_hive.security.keys import KeySet
from agent_hive.security.limit_table import Limit
from agent_hive.security.roles import Policy, Role


@dataclass(frozen=True)
class GatewaySettings:
    """The parts of the gateway that an operator chooses."""

    database: Path
    keys: KeySet
    issuer: str
    audience: str
    policy: Policy
    limits: Mapping[str, Limit]
    default_limit: Limit
    strategy: StrategyName
    redis_url: str | None

    @classmethod
    def read(cls, path: Path, *, database: Path, public_key: Path, redis_url: str | None) -> GatewaySettings:
        """Read the files of settings.

        Raises:
            SettingsError: a file cannot be read, or its content is wrong.
        """
        try:
            document: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return cls(
                database=database,
                keys=KeySet([_public_key(public_key)]),
                issuer=document["issuer"],
                audience=document["audience"],
                policy=Policy(_role(name, role) for name, role in document["roles"].items()),
                limits={action: Limit(**limit) for action, limit in document.get("limits", {}).items()},
                default_limit=Limit(**document["default_limit"]),
                strategy=StrategyName(document.get("strategy", StrategyName.LEAST_CONNECTIONS.value)),
                redis_url=redis_url,
            )
        except KeyError as error:
            raise SettingsError(f"{path}: {error} is missing") from error
        except (OSError, ValueError, TypeError, AttributeError, HiveError) as error:
            raise SettingsError(f"{path}: {error}") from error


def _role(name: str, role: Mapping[str, Any]) -> Role:
    return Role(name, frozenset(role.get("permissions", ())), frozenset(role.get("inherits", ())))


def _public_key(path: Path) -> Ed25519PublicKey:
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        message = f"{path}: expected an Ed25519 public key, found {type(key).__name__}"
        raise TypeError(message)
    return key
