"""Role-based access control: permissions are computed when the policy is built, not at each check."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_perfbudget import track

from agent_hive.errors import PermissionDeniedError, PolicyError
from agent_hive.switches import Optimisation, is_on

_PERMISSION = re.compile(r"([a-z][a-z0-9_]*):[a-z][a-z0-9_]*")
_WILDCARD = re.compile(r"[a-z][a-z0-9_]*:\*")


@dataclass(frozen=True, slots=True)
class Role:
    """A role: its name, the permissions that it grants itself, and the roles that it inherits from.

    A permission has the form `resource:action`; `task:*` grants every action on tasks.
    """

    name: str
    permissions: frozenset[str] = frozenset()
    inherits: frozenset[str] = frozenset()


class Policy:
    """The permissions that each role grants, inherited permissions included."""

    def __init__(self, roles: Iterable[Role]) -> None:
        """Compute the permissions of every role.

        Raises:
            PolicyError: two roles have the same name, a role inherits from an unknown role or in a
                circle, or a permission does not have the form of a permission.
        """
        self._roles = _by_name(roles)
        self._table = _granted(self._roles)
        self._keeps_table = is_on(Optimisation.PERMISSION_TABLE)

    def permissions_of(self, role: str) -> frozenset[str]:
        """Return the permissions that a role grants, with wildcards as written; none for an unknown role."""
        return self._granted.get(role, frozenset())

    @property
    def _granted(self) -> Mapping[str, frozenset[str]]:
        return self._table if self._keeps_table else _granted(self._roles)

    @track("security.rbac")
    def allows(self, roles: Iterable[str], permission: str) -> bool:
        """Return whether one of the roles grants a permission.

        A role that the policy does not know grants nothing, because a token may name a removed role.
        No role grants a permission that does not have the form of a permission.
        """
        parts = _PERMISSION.fullmatch(permission)
        if parts is None:
            return False
        wildcard = f"{parts[1]}:*"
        table = self._granted
        for role in roles:
            granted = table.get(role)
            if granted is not None and (permission in granted or wildcard in granted):
                return True
        return False

    def require(self, roles: Iterable[str], permission: str) -> None:
        """Check a permission.

        Raises:
            PermissionDeniedError: none of the roles grants the permission.
        """
        if not self.allows(roles, permission):
            raise PermissionDeniedError(f"{permission} is not granted")


def _by_name(roles: Iterable[Role]) -> dict[str, Role]:
    named: dict[str, Role] = {}
    for role in roles:
        if role.name in named:
            raise PolicyError(f"role {role.name!r} is defined twice")
        for permission in role.permissions:
            if not (_PERMISSION.fullmatch(permission) or _WILDCARD.fullmatch(permission)):
                raise PolicyError(f"role {role.name!r}: {permission!r} is no permission such as 'task:claim'")
        named[role.name] = role
    for role in named.values():
        unknown = sorted(role.inherits - named.keys())
        if unknown:
            raise PolicyError(f"role {role.name!r} inherits from unknown roles: {', '.join(unknown)}")
    return named


def _granted(roles: Mapping[str, Role]) -> dict[str, frozenset[str]]:
    parents = {name: role.inherits for name, role in roles.items()}
    granted: dict[str, frozenset[str]] = {}
    try:
        for name in graphlib.TopologicalSorter(parents).static_order():
            inherited = (granted[parent] for parent in parents[name])
            granted[name] = roles[name].permissions.union(*inherited)
    except graphlib.CycleError as error:
        circle = " -> ".join(error.args[1])
        raise PolicyError(f"roles inherit in a circle: {circle}") from error
    return granted
