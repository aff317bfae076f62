"""What the gate has to say of each optimisation that is taken away: the test that fails, the function, the span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent_hive.switches import Optimisation

CALL: Final = "tests/gateway/test_spans.py::test_a_call_passes_the_gateway_and_one_agent"
PUBLIC_ANSWER: Final = "tests/gateway/test_spans.py::test_a_public_answer_needs_no_agent"


@dataclass(frozen=True)
class Culprit:
    """The signs of one missing optimisation.

    Attributes:
        test: the perf test that becomes slower.
        function: a part of the text that names the function of the component.
        span: the component, as the name of its span.
        span_test: the test that shows the span, `test` if empty.
    """

    test: str
    function: str
    span: str
    span_test: str = ""

    @property
    def shown_by(self) -> str:
        """The test that shows the span."""
        return self.span_test or self.test


CULPRITS: Final[Mapping[Optimisation, Culprit]] = {
    Optimisation.TOKEN_CACHE: Culprit(
        "tests/security/test_tokens.py::test_verifies_a_known_token",
        "tokens:TokenVerifier._claims",
        "security.jwt",
        CALL,
    ),
    Optimisation.PERMISSION_TABLE: Culprit(
        "tests/security/test_roles.py::test_checks_a_permission", "roles:_granted", "security.rbac", CALL
    ),
    Optimisation.REGISTRY_CACHE: Culprit(
        "tests/discovery/test_lookup.py::test_finds_known_agents", "registry:Registry.find", "discovery.lookup", CALL
    ),
    Optimisation.KEEP_ALIVE: Culprit(
        "tests/gateway/test_upstream.py::test_calls_an_agent", "upstream:Upstream.call", "upstream.connect", CALL
    ),
    Optimisation.RESPONSE_CACHE: Culprit(
        "tests/gateway/stages/test_response_cache.py::test_spares_the_call_of_an_agent",
        "call_agent:CallAgent",
        "response_cache",
        PUBLIC_ANSWER,
    ),
    Optimisation.SLIDING_WINDOW: Culprit(
        "tests/security/test_shared_rate_limit.py::test_refuses_a_hit_of_a_full_window",
        "shared_rate_limit:_HitLog._recent",
        "security.rate_limit",
    ),
    Optimisation.QUEUE_INDEX: Culprit(
        "tests/storage/test_tasks.py::test_claims_a_task", "tasks:TaskRepository.claim", "storage.tasks"
    ),
    Optimisation.OWNER_INDEX: Culprit(
        "tests/storage/test_tasks.py::test_lists_the_tasks_of_an_agent",
        "tasks:TaskRepository.of_agent",
        "storage.tasks",
    ),
    Optimisation.KEPT_CONNECTIONS: Culprit(
        "tests/storage/test_agents.py::test_gets_an_agent", "database:Database._open", "sqlite.connect"
    ),
}


def span_cpu_ns(measurement: Mapping[str, Any]) -> dict[str, float]:
    """Return the CPU time of each name, with all spans within, in the mean execution of a measurement of the report.

    Unlike the wall-clock time, the CPU time contains no waiting for a CPU that other processes use.
    """
    spans = measurement["spans"] or {"nodes": [], "executions": 1}
    times: dict[str, float] = {}
    for node in spans["nodes"]:
        *above, name = node["path"]
        if name not in above:
            times[name] = times.get(name, 0.0) + (node["cpu_ns"] or 0.0) / spans["executions"]
    return times
