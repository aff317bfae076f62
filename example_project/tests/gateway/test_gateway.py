from __future__ import annotations

import http.client
import itertools
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hive_processes import Hive, agent, hive

Send = Callable[..., tuple[http.client.HTTPResponse, Any]]

_names = itertools.count()


@pytest.fixture
def stranger() -> str:
    """A sender that has not called before, so that nothing is counted yet."""
    return f"stranger-{next(_names)}"


# The whole chain and the agent's answer: the gateway's own part is not longer.
@pytest.mark.perf_budget
def test_hands_a_call_to_an_agent(send: Send, call_headers: dict[str, str]) -> None:
    response, answer = send("/agents/summary", call_headers, text="One. Two two.")
    assert (response.status, answer) == (200, {"sentence": "Two two."})


@pytest.mark.perf_budget
def test_answers_from_the_cache(send: Send, call_headers: dict[str, str]) -> None:
    response, answer = send("/agents/summary", call_headers)
    assert (response.status, answer["capability"]) == (200, "summary")


@pytest.fixture
def call_headers(running_hive: Hive) -> dict[str, str]:
    return running_hive.headers()


class TestCalls:
    def test_agents_take_turns(self, running_hive: Hive, send: Send) -> None:
        headers = running_hive.headers()
        found = [send("/agents/summary", headers, text="One.")[0].headers["X-Agent"] for _ in range(4)]
        assert sorted(found) == ["agent-1", "agent-1", "agent-2", "agent-2"]

    def test_an_error_of_the_agent_comes_back(self, running_hive: Hive, send: Send) -> None:
        response, answer = send("/agents/summary", running_hive.headers(), body=b"[]")
        assert (response.status, answer) == (400, {"error": 'expected {"text": "..."}'})

    def test_a_body_that_is_too_long_is_refused(self, running_hive: Hive, send: Send) -> None:
        response, _ = send("/agents/summary", running_hive.headers(), body=b" " * 1_000_001)
        assert response.status == 413

    def test_a_capability_that_nobody_offers_is_not_available(
        self, running_hive: Hive, send: Send, stranger: str
    ) -> None:
        response, answer = send("/agents/absent", running_hive.headers(stranger), text="One.")
        assert (response.status, answer) == (503, {"error": "no agent offers 'absent'"})

    def test_the_gateway_says_that_it_is_well(self, send: Send) -> None:
        assert send("/health", {})[1] == {"status": "well"}


class TestAccess:
    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer x"}])
    def test_a_call_without_a_valid_token_is_refused(self, send: Send, headers: dict[str, str]) -> None:
        response, answer = send("/agents/summary", headers)
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert answer["error"]

    @pytest.mark.parametrize("path", ["/agents/summary", "/agents/unknown", "/agents/%2e%2e"])
    def test_a_call_without_a_permission_is_refused(self, running_hive: Hive, send: Send, path: str) -> None:
        response, _ = send(path, running_hive.headers("caller", "nobody"))
        assert response.status == 403

    def test_reading_permits_no_execution(self, running_hive: Hive, send: Send) -> None:
        headers = running_hive.headers("caller", "reader")
        assert send("/agents/summary", headers)[0].status == 200
        assert send("/agents/summary", headers, text="One.")[0].status == 403

    def test_the_cache_asks_for_permission_first(self, running_hive: Hive, send: Send) -> None:
        assert send("/agents/summary", running_hive.headers())[0].status == 200
        assert send("/agents/summary", running_hive.headers("caller", "nobody"))[0].status == 403


class TestLimits:
    def test_the_rest_is_counted_down_until_calls_are_refused(
        self, running_hive: Hive, send: Send, stranger: str
    ) -> None:
        headers = running_hive.headers(stranger)
        responses = [send("/agents/count", headers, text="One.")[0] for _ in range(4)]
        assert [response.status for response in responses] == [200, 200, 200, 429]
        assert [response.headers["X-RateLimit-Remaining"] for response in responses[:3]] == ["2", "1", "0"]
        assert 1 <= int(responses[3].headers["Retry-After"]) <= 60

    def test_answers_from_the_cache_count(self, running_hive: Hive, send: Send, stranger: str) -> None:
        headers = running_hive.headers(stranger)
        assert [send("/agents/count", headers)[0].status for _ in range(4)] == [200, 200, 200, 429]


def status_of(running: Hive, headers: dict[str, str], capability: str = "summary") -> int:
    url = running.call_url(capability)
    request = urllib.request.Request(url, b'{"text": "One."}', headers)  # noqa: S310 - the gateway of this test
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the gateway of this test
            json.load(response)
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


class TestFailures:
    def test_an_agent_that_was_killed_is_left_alone(self, tmp_path: Path) -> None:
        with hive(tmp_path) as running:
            headers = running.headers()
            assert [status_of(running, headers) for _ in range(2)] == [200, 200]
            running.agents["agent-1"].process.kill()
            running.agents["agent-1"].process.wait()
            statuses = [status_of(running, headers) for _ in range(30)]
        assert set(statuses) == {200, 502}
        assert statuses.count(502) == 5  # then its circuit breaker opens
        assert statuses[-15:] == [200] * 15

    def test_a_gateway_without_agents_finds_the_first_that_comes(self, tmp_path: Path) -> None:
        with hive(tmp_path, agents=0) as running:
            headers = running.headers()
            assert status_of(running, headers) == 503
            with agent("agent-1", running.database):
                assert status_of(running, headers) == 200


class TestSharedLimits:
    def test_two_gateways_count_together(self, tmp_path: Path, redis_url: str) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        with (
            hive(tmp_path / "a", agents=1, redis_url=redis_url) as first,
            hive(tmp_path / "b", agents=1, redis_url=redis_url) as second,
        ):
            gateways = [first, second, first, second, first]
            statuses = [status_of(one, one.headers("shared"), "count") for one in gateways]
        assert statuses == [200, 200, 200, 429, 429]

    def test_without_an_answer_from_redis_no_call_passes(self, tmp_path: Path) -> None:
        with hive(tmp_path, agents=1, redis_url="redis://127.0.0.1:1") as running:
            assert status_of(running, running.headers()) == 503
