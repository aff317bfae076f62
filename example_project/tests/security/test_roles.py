from __future__ import annotations

import pytest

from agent_hive.errors import PermissionDeniedError, PolicyError
from agent_hive.security.roles import Policy, Role

LEVELS = 100


def role(name: str, *permissions: str, inherits: tuple[str, ...] = ()) -> Role:
    return Role(name, frozenset(permissions), frozenset(inherits))


@pytest.fixture
def policy() -> Policy:
    return Policy(
        [
            role("reader", "task:read", "agent:read"),
            role("worker", "task:claim", "task:finish", inherits=("reader",)),
            role("planner", "task:enqueue", inherits=("reader",)),
            role("supervisor", "agent:register", inherits=("worker", "planner")),
            role("operator", "task:*", "agent:*"),
        ]
    )


@pytest.fixture(scope="module")
def deep_roles() -> list[Role]:
    """100 levels, each with permissions of its own and all those below."""
    top = [role("level_0", "resource_0:read")]
    for level in range(1, LEVELS):
        grants = (f"resource_{level}:read", f"resource_{level}:write")
        top.append(role(f"level_{level}", *grants, inherits=(f"level_{level - 1}",)))
    return top


@pytest.fixture(scope="module")
def deep_policy(deep_roles: list[Role]) -> Policy:
    return Policy(deep_roles)


@pytest.mark.perf_budget
def test_checks_a_permission(policy: Policy) -> None:
    assert policy.allows(["planner", "worker"], "task:finish")


# A check that walked up the levels would make a hundred calls.
@pytest.mark.perf_budget(max_calls=12)
def test_the_depth_of_the_hierarchy_costs_nothing(deep_policy: Policy) -> None:
    assert deep_policy.allows([f"level_{LEVELS - 1}"], "resource_0:read")


@pytest.mark.perf_budget(p95_ms=100)
def test_builds_a_deep_policy(deep_roles: list[Role]) -> None:
    assert len(Policy(deep_roles).permissions_of(f"level_{LEVELS - 1}")) == 2 * LEVELS - 1


class TestInheritance:
    def test_a_role_grants_what_it_inherits(self, policy: Policy) -> None:
        assert policy.permissions_of("supervisor") == {
            "agent:read",
            "agent:register",
            "task:claim",
            "task:enqueue",
            "task:finish",
            "task:read",
        }

    def test_nothing_is_inherited_upwards(self, policy: Policy) -> None:
        assert not policy.allows(["reader"], "task:claim")

    def test_the_order_of_definition_does_not_matter(self) -> None:
        policy = Policy([role("worker", inherits=("reader",)), role("reader", "task:read")])
        assert policy.allows(["worker"], "task:read")

    @pytest.mark.parametrize(
        "roles",
        [
            [role("a", inherits=("a",))],
            [role("a", inherits=("b",)), role("b", inherits=("a",))],
            [role("a", inherits=("b",)), role("b", inherits=("c",)), role("c", inherits=("a",)), role("d")],
        ],
        ids=["itself", "pair", "three"],
    )
    def test_a_circle_is_refused(self, roles: list[Role]) -> None:
        with pytest.raises(PolicyError, match=r"in a circle: \w( -> \w)+"):
            Policy(roles)

    def test_an_unknown_parent_is_refused(self) -> None:
        with pytest.raises(PolicyError, match=r"'worker' inherits from unknown roles: ghost"):
            Policy([role("worker", inherits=("ghost",))])

    def test_a_second_role_of_a_name_is_refused(self) -> None:
        with pytest.raises(PolicyError, match="twice"):
            Policy([role("worker", "task:claim"), role("worker", "task:read")])


class TestPermissions:
    def test_a_wildcard_grants_every_action_on_its_resource(self, policy: Policy) -> None:
        assert policy.allows(["operator"], "task:cancel")
        assert not policy.allows(["operator"], "policy:write")

    def test_a_wildcard_does_not_cover_a_resource_of_the_same_beginning(self, policy: Policy) -> None:
        assert not policy.allows(["operator"], "tasks:read")

    @pytest.mark.parametrize("name", ["", "task", "task:", "task:*", "task:read:all", "task:read\n"])
    def test_what_is_no_permission_is_granted_to_nobody(self, policy: Policy, name: str) -> None:
        assert not policy.allows(["operator"], name)

    @pytest.mark.parametrize(
        "name", ["", "task", "task:", ":read", "*", "*:*", "task:re*", "task:read:all", "Task:read"]
    )
    def test_a_grant_must_be_a_permission(self, name: str) -> None:
        with pytest.raises(PolicyError, match="is no permission"):
            Policy([role("worker", name)])

    def test_an_unknown_role_grants_nothing(self, policy: Policy) -> None:
        assert not policy.allows(["ghost"], "task:read")
        assert policy.allows(["ghost", "reader"], "task:read")
        assert policy.permissions_of("ghost") == frozenset()

    def test_no_role_grants_nothing(self, policy: Policy) -> None:
        assert not policy.allows([], "task:read")

    def test_require_names_the_permission(self, policy: Policy) -> None:
        policy.require(["reader"], "task:read")
        with pytest.raises(PermissionDeniedError, match="task:claim"):
            policy.require(["reader"], "task:claim")
